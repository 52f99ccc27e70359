//! Whether the answer depends on which address of a machine is the primary one, the only one that
//! Bastion connects to (S7.3), where the input does not say.

use super::question::QuestionError;
use super::report::BastionVerdict;
use super::scene::Scene;

/// What comes of the other addresses that may be the primary one.
pub(super) enum Primary {
    /// There is no doubt which one it is.
    Known,
    /// The verdict is the same for each: what is taken for granted.
    Same(String),
    /// It is not: what is not known.
    Open(String),
}

impl Primary {
    /// Compares the verdict of `scene` with those of its rivals, which `verdict_of` tells.
    pub(super) fn of(
        scene: &Scene<'_>,
        verdict: BastionVerdict,
        verdict_of: impl Fn(&Scene<'_>) -> BastionVerdict,
    ) -> Self {
        if scene.target.rivals.is_empty() {
            return Self::Known;
        }
        let own = (label(scene), Ok(verdict));
        let others =
            scene.rivals().zip(&scene.target.rivals).map(|(rival, (interface, _))| match rival {
                Ok(rival) => (label(&rival), Ok(verdict_of(&rival))),
                Err(error) => (format!("`{}`", interface.name()), Err(error)),
            });
        let all: Vec<(String, Result<BastionVerdict, QuestionError>)> =
            [own].into_iter().chain(others).collect();
        let machine = &scene.target.name;
        if all.iter().all(|(_, one)| *one == Ok(verdict)) {
            let labels: Vec<&str> = all.iter().map(|(label, _)| label.as_str()).collect();
            return Self::Same(format!(
                "the input does not say which address of `{machine}` is the primary one, {}: the \
                 verdict is the same for each, and the details are those of the first",
                labels.join(" or ")
            ));
        }
        let answers: Vec<String> = all
            .iter()
            .map(|(label, answer)| match answer {
                Ok(verdict) => format!("{verdict} for {label}"),
                Err(error) => format!("for {label}, {error}"),
            })
            .collect();
        Self::Open(format!(
            "which address of `{machine}` is the primary one, the only one that Bastion connects \
             to: {}; ask about the interface instead of the machine",
            answers.join(", ")
        ))
    }
}

fn label(scene: &Scene<'_>) -> String {
    match scene.target.interface {
        Some((interface, _)) => format!("{} of `{}`", scene.address_text(), interface.name()),
        None => scene.address_text(),
    }
}
