//! The list of generated modules.

use crate::file_set::MARK;
use crate::plan::Plan;

/// The `mod.rs` of the out folder; with features, each module is compiled with its own feature only.
pub(crate) fn registry(plans: &[Plan<'_>], command: &str, with_features: bool) -> String {
    let mut modules = String::new();
    let mut entries = String::new();
    for plan in plans {
        let Plan { module, marker, feature, .. } = plan;
        let gate = if with_features { format!("#[cfg(feature = {feature:?})]\n") } else { String::new() };
        modules += &format!("{gate}pub mod {module};\n");
        entries += &format!(
            "        {}<{module}::{marker} as ::kling_types::Model>::INFO,\n",
            gate.replace('\n', "\n        ")
        );
    }
    format!(
        "{MARK}{command}`; do not edit by hand.

{modules}
/// Every model that is compiled in, sorted by id.
#[must_use]
pub const fn models() -> &'static [::kling_types::ModelInfo] {{
    &[
{entries}    ]
}}
"
    )
}
