//! Why a body is no form that can be read, in words for whoever built it.

/// The largest body of a form, in bytes.
pub const MOST_BYTES: usize = 16 * 1024;

/// How many fields a form may have.
pub const MOST_FIELDS: usize = 60;

/// Why a body is no form that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the form is larger than 16 KB; files cannot be sent with it")]
    TooLarge,
    #[error("the form has more than 60 fields")]
    TooManyFields,
    /// Another content type, such as JSON.
    #[error(
        "this is no form: send it as application/x-www-form-urlencoded, multipart/form-data or text/plain, as browsers do; \
         programs that write JSON use /v1/signals"
    )]
    NotAForm,
    /// A multipart body whose parts cannot be found.
    #[error("the parts of the form cannot be found: its boundary is missing, or another one stands in the body")]
    NoParts,
}
