//! Why a subscriber can't go on where it asks to. Owns: the words for it.

/// Why an asked-for place can't be resumed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// Retention has removed events that followed it.
    Trimmed,
    /// It belongs to a history that no longer exists.
    Epoch,
    /// No event has, or is known to have had, this id.
    Unknown,
}

impl Loss {
    /// In the order of their numbers.
    pub const ALL: [Self; 3] = [Self::Trimmed, Self::Epoch, Self::Unknown];

    /// The word that the `gap` event uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::Epoch => "epoch",
            Self::Unknown => "unknown",
        }
    }
}
