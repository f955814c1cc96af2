//! What can be said of the whole house, seen from outside: its arrows, and the binary as people and schedulers meet it.

mod arrows;
mod canary;
mod check;
mod commands;
mod demo;
mod forms;
mod identity;
mod import;
mod segments;
mod shop;
