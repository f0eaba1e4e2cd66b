//! The pages, asked for as a browser asks.

mod pages;
