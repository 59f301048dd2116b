//! The instances of the application.

use std::time::Instant;

use super::brokers::Broker;
use super::process::{PATIENCE, Program, Service, call};

/// Instances of one application, each of which may be gone for a while.
pub(crate) struct Fleet {
    programs: Vec<Program>,
    running: Vec<Option<Service>>,
}

impl Fleet {
    pub(crate) fn start(broker: Broker, address: &str, names: &str, instances: usize) -> Self {
        let program = |instance| {
            let configuration = broker.configuration(address, names, instance);
            Program::new(env!("CARGO_BIN_EXE_relay")).file("application.yaml", configuration)
        };
        let programs: Vec<_> = (0..instances).map(program).collect();
        let mut fleet = Self { running: (0..instances).map(|_| None).collect(), programs };
        (0..instances).for_each(|instance| fleet.join(instance));
        fleet
    }

    pub(crate) fn join(&mut self, instance: usize) {
        let service = self.programs[instance].start(&[]);
        let deadline = Instant::now() + PATIENCE;
        while call(service.management, "GET", "/health/ready", "").status != 200 {
            assert!(Instant::now() < deadline, "the application is never ready: {:#?}", service.log);
            std::thread::yield_now();
        }
        self.running[instance] = Some(service);
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self, instance: usize) {
        if let Some(mut service) = self.running[instance].take() {
            service.signal("-KILL");
            service.wait();
        }
    }

    /// Stops an instance, which finishes what it has begun.
    pub(crate) fn leave(&mut self, instance: usize) {
        if let Some(mut service) = self.running[instance].take() {
            service.signal("-TERM");
            let code = service.wait().code();
            // What waits for another attempt is abandoned, which the code tells.
            assert!(matches!(code, Some(0 | 3)), "{code:?}: {:#?}", service.log);
        }
    }

    pub(crate) fn stop(mut self) {
        (0..self.running.len()).for_each(|instance| self.leave(instance));
    }
}
