//! A folder of schemas of a test, and what is generated from it.

use std::fs;

use kling_codegen::{Error, Generator};
use tempfile::TempDir;

pub(crate) const OUTPUT: &str =
    r#"{"output": {"type": "object", "properties": {"video": {"type": "string", "format": "uri"}}}}"#;

/// A folder of schemas and a folder for what is generated from them.
pub(crate) struct Workspace(pub(crate) TempDir);

impl Workspace {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn with_model(self, id: &str, input: &str, output: &str) -> Self {
        let folder = self.0.path().join("schemas").join(id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("input.json"), input).unwrap();
        fs::write(folder.join("output.json"), output).unwrap();
        fs::write(folder.join("model.toml"), "output_kind = \"video\"\n").unwrap();
        self
    }

    /// One model whose input has these properties, none of them required.
    pub(crate) fn with_properties(properties: &str) -> Self {
        let input = format!(r#"{{"type": "object", "title": "Input", "properties": {properties}}}"#);
        Self::new().with_model("maker/model", &input, OUTPUT)
    }

    pub(crate) fn generator(&self) -> Generator {
        Generator::new().schema_dir(self.0.path().join("schemas")).out_dir(self.0.path().join("out"))
    }

    pub(crate) fn generated(&self, module: &str) -> String {
        self.generator().generate().unwrap();
        fs::read_to_string(self.0.path().join("out").join(module).join("mod.rs")).unwrap()
    }

    pub(crate) fn refusal(&self) -> String {
        self.generator().generate().unwrap_err().to_string()
    }

    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.0.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// An error's text without the folder of this run.
    pub(crate) fn plain(&self, error: &Error) -> String {
        error.to_string().replace(&*self.0.path().to_string_lossy(), "")
    }
}
