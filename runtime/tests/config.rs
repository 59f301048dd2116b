//! The configuration as a user meets it: files, variables and flags in, a typed value or a report out.

#![allow(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "config/support.rs"]
mod support;

#[path = "config/deliveries.rs"]
mod deliveries;
#[path = "config/environment.rs"]
mod environment;
#[path = "config/files.rs"]
mod files;
#[path = "config/layers.rs"]
mod layers;
#[path = "config/meaning.rs"]
mod meaning;
#[path = "config/properties.rs"]
mod properties;
#[path = "config/reference.rs"]
mod reference;
#[path = "config/reports.rs"]
mod reports;
#[path = "config/sections.rs"]
mod sections;
#[path = "config/spring.rs"]
mod spring;
