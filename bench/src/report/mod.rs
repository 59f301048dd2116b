//! What has been measured, and how it is shown.

pub mod chart;
pub mod document;
pub mod goals;
pub mod results;
pub mod statistics;
pub mod table;
