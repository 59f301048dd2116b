//! One binary for both services: `--profile accounts` and `--profile message` run each alone, no profile runs both.

use std::process::ExitCode;

use notifications::Accounts;
use wellspring::Runtime;

fn main() -> ExitCode {
    Runtime::builder()
        .version(env!("CARGO_PKG_VERSION"))
        .config("application.yaml", include_str!("../config/application.yaml"))
        .config("application-accounts.yaml", include_str!("../config/application-accounts.yaml"))
        .config("application-message.yaml", include_str!("../config/application-message.yaml"))
        .state_with(Accounts::new)
        .on_start(Accounts::create_table)
        .main()
}
