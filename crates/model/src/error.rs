//! What an error owes its reader beyond the message: a remedy, and for files a place.

/// The next thing to do about an error, where we know one.
pub trait Remedy {
    fn remedy(&self) -> Option<String>;
}

/// Something wrong in a file that a person wrote: where, what, and what to do. Checks collect them and report all at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub file: String,
    /// 1-based; 0 when the whole file is meant.
    pub line: usize,
    pub message: String,
    /// The line itself and what points at the place in it; empty where a line is not enough to show.
    pub excerpt: String,
    pub remedy: Option<String>,
}

impl Problem {
    pub fn new(file: &str, line: usize, message: impl Into<String>) -> Self {
        Problem { file: file.into(), line, message: message.into(), excerpt: String::new(), remedy: None }
    }

    pub fn with_excerpt(mut self, excerpt: impl Into<String>) -> Self {
        self.excerpt = excerpt.into();
        self
    }

    pub fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message)?,
            line => write!(f, "{}:{line}: {}", self.file, self.message)?,
        }
        for line in self.excerpt.lines() {
            write!(f, "\n    {line}")?;
        }
        match &self.remedy {
            Some(remedy) => write!(f, "\n    remedy: {remedy}"),
            None => Ok(()),
        }
    }
}
