//! Brokers that a test may take away: those that `scripts/brokers` has started in this checkout.

use std::path::Path;

use tokio::process::Command;

/// Runs `scripts/brokers`, as if no broker were given by the environment; what it printed, if it ended well.
pub(crate) async fn brokers(words: &[&str]) -> Option<String> {
    let folders = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let root = folders.skip(1).find(|folder| folder.join("scripts/brokers").exists()).unwrap();
    let mut command = Command::new(root.join("scripts/brokers"));
    command.args(words).current_dir(root);
    for variable in ["WELLSPRING_TEST_KAFKA", "WELLSPRING_TEST_RABBITMQ"] {
        command.env_remove(variable);
    }
    let ended = command.output().await.unwrap();
    // `env` tells what is up, and fails when something is not.
    let ok = ended.status.success() || words == ["env"];
    ok.then(|| String::from_utf8(ended.stdout).unwrap())
}

/// The address of a broker that may be taken away; without one the running test is skipped.
pub(crate) async fn ours(broker: &str, variable: &str) -> Option<String> {
    let address = crate::skip::address(broker, variable)?;
    if !brokers(&["env"]).await.unwrap_or_default().contains(&address) {
        let reason = "the one that is given may not be stopped; `scripts/brokers up` starts one";
        crate::skip::skipped(broker, reason);
        return None;
    }
    Some(address)
}
