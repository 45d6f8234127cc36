//! A library between the real binary and its kernel, which lets calls fail.

use std::{path::PathBuf, process::Command};

use super::{Fanfare, Folder};

/// Built for one test; `fault.c` says what it does. A compiler is there, where there is Rust.
pub struct Fault {
    library: PathBuf,
    trigger: PathBuf,
    _folder: Folder,
}

impl Fault {
    pub fn build() -> Self {
        let folder = Folder::new();
        let library = folder.0.join("fault.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "tests/it/fault.c", "-ldl", "-o"])
            .arg(&library)
            .status();
        assert!(built.expect("a compiler is there").success());
        Self { library, trigger: folder.0.join("now"), _folder: folder }
    }

    pub fn library(&self) -> &str {
        self.library.to_str().unwrap()
    }

    /// Starts a hub to which this will happen when it begins.
    pub fn start(&self, what: &str, settings: &[(&str, &str)]) -> Fanfare {
        let fault = [("LD_PRELOAD", self.library()), (what, self.trigger.to_str().unwrap())];
        Fanfare::start(&[&fault, settings].concat())
    }

    pub fn begin(&self) {
        std::fs::write(&self.trigger, "").unwrap();
    }

    pub fn end(&self) {
        let _ = std::fs::remove_file(&self.trigger);
    }
}
