//! One registry for all: every function of these modules is registered in this test binary.

mod registers;
