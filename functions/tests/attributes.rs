//! The attributes: what a correct use registers, and how it is called.

#[path = "attributes/mod.rs"]
mod attributes;
