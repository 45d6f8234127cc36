//! The contract that `fanfare::history` states, against every place that a history can be kept in.

mod keys;
mod log;
mod parcels;
mod reading;
mod restart;
mod resuming;
mod retention;

/// Runs each case against each place.
macro_rules! against {
    ([$($place:ident),+] $cases:tt) => {
        $(against!(@one $place $cases);)+
    };
    (@one $place:ident { $($case:ident,)+ }) => {
        mod $place {
            $(
                #[test]
                fn $case() {
                    super::super::log::run(super::$case(super::super::log::Kept::$place()));
                }
            )+
        }
    };
}
use against;
