//! `check`: what would be bound, without a broker.

use std::process::ExitCode;

use super::output::print;
use crate::runtime::Runtime;

pub(super) fn check(runtime: &Runtime) -> ExitCode {
    let mut text = String::new();
    if runtime.plan().is_empty() {
        text += "nothing is bound to a broker\n";
    } else {
        text += &runtime.plan().to_string();
    }
    let http = &runtime.config().http;
    if cfg!(feature = "http") && http.enabled {
        let functions = runtime.functions().catalog().len();
        text += &format!("\nhttp on {}: {functions} functions\n", http.socket_address());
    }
    for ignored in &runtime.config().ignored {
        text += &format!("ignored: `{}` ({})\n", ignored.path, ignored.origin);
    }
    print(&text)
}
