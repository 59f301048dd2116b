//! The way back to a cluster that a client knows no broker of any more.
//!
//! A broker that has just started may answer that there is none, not even itself. The library believes it, forgets all
//! brokers, and has nobody left to ask, ever: <https://github.com/confluentinc/librdkafka/issues/5301>.

use std::ffi::{CStr, c_char};
use std::ptr;

use rdkafka::bindings as rd;

/// The setting that says where a cluster is.
const ADDRESSES: &CStr = c"bootstrap.servers";

/// Has a client look for its cluster where it did at first.
///
/// # Safety
/// The client is valid.
pub(super) unsafe fn look_again(client: *mut rd::rd_kafka_t) {
    let mut size = 0;
    // SAFETY: the client is valid and so are its settings, as long. Without a place to write to only the size is told,
    // with the zero byte that ends the text; then the place has that size.
    unsafe {
        let settings = rd::rd_kafka_conf(client);
        rd::rd_kafka_conf_get(settings, ADDRESSES.as_ptr(), ptr::null_mut(), &raw mut size);
        let mut addresses: Vec<c_char> = vec![0; size.max(1)];
        rd::rd_kafka_conf_get(settings, ADDRESSES.as_ptr(), addresses.as_mut_ptr(), &raw mut size);
        rd::rd_kafka_brokers_add(client, addresses.as_ptr());
    }
}
