//! What a text may say: newsletter and letter templates compiled and linted, rendered with holes. Pure.
