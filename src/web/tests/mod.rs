//! The pages, requested as a browser does.

mod pages;
