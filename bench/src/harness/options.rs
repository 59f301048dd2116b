//! What to measure: the arguments of `./bench/run`.

use super::contestants::Entry;
use crate::Failure;

/// What `--help` prints.
pub const USAGE: &str = "usage: bench/run [http|kafka|rabbitmq|memory|start|growth|all]..
                 [--quick] [--rounds N] [--peers N] [--only CONTESTANT,..] [--case TEXT].. [--document]
       bench/run document

  http, kafka, rabbitmq, memory, start, growth
                 the work to do; all of it unless said
  --quick        one round of few messages, base case only: minutes instead of hours
  --rounds N     how often everything is done; 5 unless said. Counts of instructions are done once
  --peers N      how often others than this crate's do it; as often unless said
  --only A,B     contestants by the names of their folders; `bare` and `wellspring` are this crate's
  --case TEXT    only cases whose name contains the text, as the tables have it; of others, what was kept stays
  --document     keep the results in bench/results and write docs/performance.md from them, as a run
                 without `--quick`, `--only` and `--case` does; others leave theirs in target/bench
  document       measures nothing, writes docs/performance.md from the results that are kept";

/// All work, in the order in which it is done.
pub const WORKS: [&str; 6] = ["memory", "start", "http", "kafka", "rabbitmq", "growth"];

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Which work, in the order of [`WORKS`].
    pub works: Vec<&'static str>,
    /// Few messages.
    pub quick: bool,
    /// How often.
    pub rounds: usize,
    /// How often others than those of this crate do it.
    pub peers: usize,
    /// Who takes part; everybody if nobody is named.
    pub only: Vec<String>,
    /// What the names of cases contain; all if nothing is said.
    pub cases: Vec<String>,
    /// Whether results are kept and documented.
    pub document: bool,
}

impl Options {
    /// Reads arguments.
    ///
    /// # Errors
    /// When one is unknown.
    pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut arguments = arguments.into_iter();
        let (mut asked, mut nothing) = (Vec::new(), false);
        let mut options = Self {
            works: Vec::new(),
            quick: false,
            rounds: 0,
            peers: 0,
            only: Vec::new(),
            cases: Vec::new(),
            document: false,
        };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--document" => options.document = true,
                "--rounds" => options.rounds = value()?.parse()?,
                "--peers" => options.peers = value()?.parse()?,
                "--only" => options.only.extend(value()?.split(',').map(str::to_owned)),
                "--case" => options.cases.push(value()?),
                "all" => asked.extend(WORKS),
                "document" => nothing = true,
                work => match WORKS.into_iter().find(|known| *known == work) {
                    Some(known) => asked.push(known),
                    None => return Err(format!("`{work}` is unknown\n\n{USAGE}").into()),
                },
            }
        }
        let all = asked.is_empty() && !nothing;
        options.works = WORKS.into_iter().filter(|work| all || asked.contains(work)).collect();
        options.document |= !options.quick && options.only.is_empty() && options.cases.is_empty();
        if options.rounds == 0 {
            options.rounds = if options.quick { 1 } else { 5 };
        }
        if options.peers == 0 {
            options.peers = options.rounds;
        }
        Ok(options)
    }

    /// How often somebody does it.
    #[must_use]
    pub fn rounds_of(&self, entry: &Entry) -> usize {
        if entry.contestant.is_of_this_crate() { self.rounds } else { self.peers }
    }

    /// Whether a contestant takes part.
    #[must_use]
    pub fn includes(&self, contestant: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == contestant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Options, Failure> {
        Options::parse(text.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn does_everything_five_times_unless_said() {
        let options = parse("").unwrap();
        assert_eq!((options.works, options.rounds, options.quick), (WORKS.to_vec(), 5, false));
    }

    #[test]
    fn quick_is_one_round_unless_more_are_asked_for() {
        assert_eq!(parse("--quick").unwrap().rounds, 1);
        let options = parse("--rounds 3 --quick").unwrap();
        assert_eq!((options.rounds, options.peers), (3, 3));
        assert_eq!(parse("--rounds 3 --peers 1").unwrap().peers, 1);
    }

    #[test]
    fn does_the_work_and_lets_those_take_part_that_are_named() {
        let options = parse("rabbitmq kafka --only bare,spring").unwrap();
        assert_eq!(options.works, ["kafka", "rabbitmq"]);
        assert!(options.includes("spring") && !options.includes("wellspring"));
    }

    #[test]
    fn keeps_what_is_whole_and_what_it_is_told_to() {
        assert!(parse("kafka").unwrap().document && parse("--quick --document").unwrap().document);
        for part in ["--quick", "--only bare", "--case sender"] {
            assert!(!parse(part).unwrap().document, "{part}");
        }
        let nothing = parse("document").unwrap();
        assert!(nothing.document && nothing.works.is_empty());
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert!(parse("kafak").unwrap_err().to_string().starts_with("`kafak` is unknown"));
        assert!(parse("--rounds").unwrap_err().to_string().contains("needs a value"));
    }
}
