//! What may be typed after `dlq`.

use std::num::NonZeroU32;
use std::time::Duration;

use clap::{Subcommand, ValueEnum};
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Wrong, StrDeserializer};

use crate::config::human;
use crate::letters::Filter;

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Dlq {
    /// List the inputs that have dead letters, or the letters of one
    List {
        /// The input, such as email-in-0
        binding: Option<String>,
        #[command(flatten)]
        which: Which,
    },
    /// Print letters with their headers and payloads
    Show {
        /// The input, such as email-in-0
        binding: String,
        #[command(flatten)]
        which: Which,
    },
    /// Send letters to where they came from again, and remove each when its copy is confirmed
    Redrive {
        /// The input, such as email-in-0
        binding: String,
        #[command(flatten)]
        which: Which,
        /// Send them there, instead of where each came from
        #[arg(long, value_name = "DESTINATION")]
        to: Option<String>,
        /// How many a second at most
        #[arg(long, value_name = "N")]
        rate: Option<NonZeroU32>,
        /// Leave letters that were sent again so often already
        #[arg(long, value_name = "N", default_value_t = 3)]
        max_passes: u32,
        /// Report what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Remove letters for good
    Purge {
        /// The input, such as email-in-0
        binding: String,
        #[command(flatten)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
        /// Report what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
    },
}

/// Which letters are meant, and how they are printed.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Which {
    /// Letters whose error has this in its kind, name or text, in any case
    #[arg(long, value_name = "TEXT", requires = "binding")]
    error: Option<String>,
    /// Letters at least so old, such as 2h or 30d
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "binding")]
    older_than: Option<Duration>,
    /// Letters at most so old
    #[arg(long, value_name = "DURATION", value_parser = duration, requires = "binding")]
    newer_than: Option<Duration>,
    /// Letters with this header; may be repeated, then all of them
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header, requires = "binding")]
    headers: Vec<(String, String)>,
    /// Letters with this key; on RabbitMQ the routing key
    #[arg(long, requires = "binding")]
    key: Option<String>,
    /// No more than so many
    #[arg(long, value_name = "N", requires = "binding")]
    max: Option<u64>,
    /// Look into this queue or topic, instead of the one that the configuration says
    #[arg(long, value_name = "PLACE", requires = "binding")]
    pub(super) from: Option<String>,
    /// Text, or JSON with one object a line
    #[arg(long, default_value = "text")]
    pub(super) output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Format {
    Text,
    Json,
}

impl Which {
    pub(super) fn filter(&self) -> Filter {
        Filter {
            error: self.error.clone(),
            older_than: self.older_than,
            newer_than: self.newer_than,
            headers: self.headers.clone(),
            key: self.key.clone(),
            max: self.max,
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let text: StrDeserializer<'_, Wrong> = text.into_deserializer();
    human::duration(text).map_err(|error| error.to_string())
}

fn header(text: &str) -> Result<(String, String), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = parts.ok_or_else(|| format!("`{text}` is not a header, expected `NAME=VALUE`"))?;
    Ok((name.to_owned(), value.to_owned()))
}
