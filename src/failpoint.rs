//! Failpoints: named places at which a test makes this process die, fail or hang. They exist only under the feature
//! `failpoints`, which the tests turn on; without it `failpoint!` expands to nothing.
//!
//! `NURTURED_FAILPOINT=NAME:kill|error|hang[@N]` arms one of them, at its N-th hit (default: the first). A kill
//! ends the process at once, as SIGKILL does: nothing is flushed, closed or returned.

/// A named failpoint. With an error after the name, the place can also fail with it.
#[cfg(feature = "failpoints")]
macro_rules! failpoint {
    ($name:literal) => {
        crate::failpoint::fails($name).await
    };
    ($name:literal, $error:expr) => {
        if crate::failpoint::fails($name).await {
            return Err($error);
        }
    };
}

/// Expands to nothing.
#[cfg(not(feature = "failpoints"))]
macro_rules! failpoint {
    ($name:literal $(, $error:expr)?) => {};
}

#[cfg(feature = "failpoints")]
pub(crate) use planned::fails;

#[cfg(feature = "failpoints")]
mod planned {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// The failpoint that the environment arms.
    struct Plan {
        name: String,
        action: Action,
        at: u64,
        hits: AtomicU64,
    }

    #[derive(Clone, Copy)]
    enum Action {
        Kill,
        Error,
        Hang,
    }

    impl Plan {
        /// Reads `name:action[@n]`.
        fn parse(text: &str) -> Option<Self> {
            let (name, rest) = text.split_once(':')?;
            let (word, at) = rest.split_once('@').map_or(Some((rest, 1)), |(word, at)| Some((word, at.parse().ok()?)))?;
            let action = match word {
                "kill" => Action::Kill,
                "error" => Action::Error,
                "hang" => Action::Hang,
                _ => return None,
            };
            Some(Self { name: name.to_owned(), action, at, hits: AtomicU64::new(0) })
        }
    }

    /// Does what was armed for this place; returns whether the place is to fail.
    pub(crate) async fn fails(name: &str) -> bool {
        static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
        let asked = || {
            let text = std::env::var("NURTURED_FAILPOINT").ok()?;
            Some(Plan::parse(&text).expect("NURTURED_FAILPOINT is NAME:kill|error|hang[@N]"))
        };
        let Some(plan) = PLAN.get_or_init(asked).as_ref().filter(|plan| plan.name == name) else { return false };
        if plan.hits.fetch_add(1, Ordering::Relaxed) + 1 != plan.at {
            return false;
        }
        // The tests wait for this line; standard error has no buffer.
        eprintln!("failpoint {name}");
        match plan.action {
            Action::Kill => std::process::abort(),
            Action::Error => true,
            Action::Hang => std::future::pending().await,
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_failpoint_is_a_name_an_action_and_a_hit() {
            for (text, expected) in [
                ("mark.after_commit:kill", Some(("mark.after_commit", 1))),
                ("mark.after_commit:hang@12", Some(("mark.after_commit", 12))),
                ("a:error@1", Some(("a", 1))),
                ("mark.after_commit", None),
                ("a:die", None),
                ("a:kill@soon", None),
            ] {
                let plan = Plan::parse(text);
                assert_eq!(plan.as_ref().map(|plan| (plan.name.as_str(), plan.at)), expected, "{text}");
            }
        }
    }
}
