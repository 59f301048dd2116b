//! What a key that nobody knows may have meant.

use super::Problem;
use super::node::{Piece, Shown};
use super::problem::{misspelled, nearest};
use super::schema::Schema;

/// More names than these are not listed.
const LISTED: usize = 20;

/// Whether a path of a foreign area is one of ours with a slip of the pen, such as `server.prot`.
pub(super) fn is_slip(path: &[Piece], known: usize, candidates: &[String]) -> bool {
    let wrong = path.get(known).and_then(Piece::as_name).filter(|_| known > 0);
    wrong.is_some_and(|wrong| misspelled(wrong, candidates.iter().map(String::as_str)).is_some())
}

/// The problem of a path whose first `known` pieces are right; `candidates` could follow them.
pub(super) fn unknown_key(schema: &Schema, path: &[Piece], known: usize, candidates: &[String]) -> Problem {
    let end = (known + 1).min(path.len());
    let problem = Problem::unknown_key().path(Shown(&path[..end]).to_string());
    let Some(wrong) = path.get(known).and_then(Piece::as_name) else {
        return problem.suggest("no list can stand here");
    };
    if let Some(deeper) = (known > 0).then(|| schema.deeper(&path[..known], wrong)).flatten() {
        return problem.suggest(format!("did you mean `{deeper}`?"));
    }
    if let Some(name) = nearest(wrong, candidates.iter().map(String::as_str)) {
        return problem.suggest(format!("did you mean `{name}`?"));
    }
    if known == 0 {
        return problem
            .suggest(format!("settings of the application itself belong under `app`: `app.{wrong}`"));
    }
    match candidates {
        [] => problem,
        names if names.len() > LISTED => problem,
        names => {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            problem.suggest(format!("expected one of {}", names.join(", ")))
        }
    }
}
