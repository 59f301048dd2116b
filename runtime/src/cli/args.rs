//! What may be typed.

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use super::dlq::Dlq;

/// Functions over HTTP and bound to a broker, told by configuration.
#[derive(Debug, Parser)]
#[command(
    disable_help_subcommand = true,
    after_help = "Settings may stand anywhere and override files and environment:\n  \
                  --http.port=0            any key of the reference configuration (see `config`)\n  \
                  --profile accounts       read application-accounts.* on top\n  \
                  --config PATH            read this file or directory instead of the working directory\n  \
                  --fail-fast              end when a broker cannot be reached, instead of waiting for it"
)]
pub(super) struct Args {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start everything (the default); SIGINT and SIGTERM drain, a second one stops at once
    Run,
    /// Check the configuration and print what would be bound; needs no broker
    Check,
    /// List the functions
    Functions {
        /// As JSON, with schemas
        #[arg(long)]
        json: bool,
    },
    /// Call a function or a composition once and print what it answers
    Invoke(Invoke),
    /// Look after dead letters: list them, show them, send them again, throw them away
    #[command(subcommand)]
    Dlq(Dlq),
    /// Print the reference configuration, or the value of one key and where it comes from
    Config {
        /// A key, such as http.port
        key: Option<String>,
    },
    /// Print the completion script of a shell
    Completion {
        /// The shell
        shell: Shell,
    },
}

#[derive(Debug, clap::Args)]
pub(super) struct Invoke {
    /// The function or composition, such as 'email|sms'
    pub(super) definition: String,
    /// The payload; read from standard input when it is left out
    pub(super) payload: Option<String>,
    /// What the payload is encoded as
    #[arg(long, default_value = "application/json")]
    pub(super) content_type: String,
    /// A header of the message, such as tenant=red; may be repeated
    #[arg(long = "header", value_name = "NAME=VALUE")]
    pub(super) headers: Vec<String>,
}
