//! What tokens are for.

/// What a token is for. A token of one kind never passes for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A link in a tracked recipient's mail: the id is the delivery's, the ordinal the link's.
    Click = 1,
    /// The same link in an untracked recipient's mail: the id is the and identifies no person.
    AnonymousClick = 2,
    /// An answer; the ordinal encodes question and answer.
    Answer = 3,
    Unsubscribe = 4,
    MessageId = 5,
    ReturnPath = 6,
    /// A handoff's page; the context is the salesperson it was offered to.
    Handoff = 7,
    /// A salesperson's queue; the id is their link number, the ordinal the day it runs out (days since 1970).
    Queue = 8,
    /// As `Click`, but the id names the issue too, so that the link's target is found without loading the delivery.
    PairedClick = 9,
    /// The link that confirms a form; the id is the pending form's, the ordinal its mark.
    Confirmation = 10,
    /// The link to a form in a newsletter: the id is the delivery's, whose address the form may then name.
    Form = 11,
    /// The link to the prospect's own page; the id is the delivery's.
    Preferences = 12,
    /// The address to which a newsletter is answered: the id is the delivery's.
    ReplyAddress = 13,
    /// The question to whoever read a doubtful reply; the id is the reply's signal, the ordinal what is in doubt, the context the reader.
    Doubt = 14,
    /// One showing of an answer page: the id is when (milliseconds since 1970) with sixteen random bits behind it, the ordinal
    /// which questions it asked further, with eleven; the context is the page.
    Visit = 20,
    /// One showing of a web form: the id is when; the context is the form.
    Stamp = 21,
    /// What one press on a prospect's own page changed, so that it can be taken back: the id is when; the context is the page, and
    /// how it was before.
    Undo = 22,
}

impl Kind {
    pub const ALL: [Self; 17] = [
        Self::Click,
        Self::AnonymousClick,
        Self::Answer,
        Self::Unsubscribe,
        Self::MessageId,
        Self::ReturnPath,
        Self::Handoff,
        Self::Queue,
        Self::PairedClick,
        Self::Confirmation,
        Self::Form,
        Self::Preferences,
        Self::ReplyAddress,
        Self::Doubt,
        Self::Visit,
        Self::Stamp,
        Self::Undo,
    ];
}
