//! Where each row of the reference is covered.
