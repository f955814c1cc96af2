//! The library against the SQL engine: every built-in file plans, and wrong files say what is wrong.

mod built_in;
