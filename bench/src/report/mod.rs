//! What has been measured, and how it is shown.

pub mod results;
pub mod statistics;
pub mod table;
