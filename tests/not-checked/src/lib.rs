//! What the tests need of a machine, and the list of what was not checked because it lacks
//! something. Cargo runs the tests of this package after all others, because of its name.

pub mod machine;
