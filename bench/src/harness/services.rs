//! The brokers of a run: those that are up already, or started for it and taken down after it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failure;

/// What this run has started. It is taken down when nobody needs it any more.
#[derive(Debug)]
pub struct Services {
    script: PathBuf,
    started: Vec<&'static str>,
}

impl Services {
    /// Nothing yet.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self { script: root.join("scripts/brokers"), started: Vec::new() }
    }

    /// The address of a broker, which is started unless it is up.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn address(&mut self, broker: &'static str) -> Result<String, Failure> {
        if let Some(address) = self.ask(broker)? {
            return Ok(address);
        }
        self.started.push(broker);
        let status = Command::new(&self.script).args(["up", broker]).stdout(Stdio::null()).status()?;
        let address = self.ask(broker)?.filter(|_| status.success());
        address.ok_or_else(|| format!("`scripts/brokers up {broker}` failed with {status}").into())
    }

    fn ask(&self, broker: &str) -> Result<Option<String>, Failure> {
        let output = Command::new(&self.script).arg("env").output()?;
        Ok(address_in(&String::from_utf8_lossy(&output.stdout), broker))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        for broker in &self.started {
            // Nobody is left to be told if that fails; `scripts/brokers status` shows it.
            let _ = Command::new(&self.script).args(["down", broker]).stdout(Stdio::null()).status();
        }
    }
}

/// The address of a broker in `export` lines, however they are quoted.
fn address_in(exports: &str, broker: &str) -> Option<String> {
    let name = format!("export WELLSPRING_TEST_{}=", broker.to_uppercase());
    let quoted = exports.lines().find_map(|line| line.strip_prefix(&name))?;
    Some(quoted.replace(['\'', '"', '\\'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_address_of_the_broker_asked_for() {
        let exports = "export WELLSPRING_TEST_KAFKA_SASL=a:1\nexport WELLSPRING_TEST_KAFKA='b:2'\n";
        assert_eq!(address_in(exports, "kafka").as_deref(), Some("b:2"));
        assert_eq!(address_in(exports, "rabbitmq"), None);
    }
}
