//! The integration tests: one binary, one module per question.

mod doors;
