//! The catalogues held against each other and against the pages that show them.

mod catalogues;
