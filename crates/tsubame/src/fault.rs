//! What a command ends with when it fails: a message, its causes, a remedy, and an exit code that tells a scheduler what to do.

use std::{error::Error, fmt};

use model::{Problem, Remedy};

/// Exit codes; 0 is success, 2 (wrong usage) comes from the command line parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Trying again is useful.
    Failed = 1,
    /// A file or a setting is wrong: trying again is not.
    Config = 3,
    /// The data did not pass a check.
    Data = 4,
    /// Some of it was done.
    Partial = 5,
    /// Another process holds the shop.
    Busy = 75,
}

#[derive(Debug)]
pub struct Fault {
    pub exit: Exit,
    pub message: String,
    pub causes: Vec<String>,
    pub remedy: Option<String>,
}

impl Fault {
    pub fn new(exit: Exit, message: impl Into<String>) -> Fault {
        Fault { exit, message: message.into(), causes: Vec::new(), remedy: None }
    }

    pub fn remedy(mut self, remedy: impl Into<String>) -> Fault {
        self.remedy = Some(remedy.into());
        self
    }

    /// Every problem of files that people wrote, in one fault.
    pub fn problems(problems: &[Problem]) -> Fault {
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        let plural = if problems.len() == 1 { "problem" } else { "problems" };
        Fault { exit: Exit::Config, message: format!("{} {plural} found", problems.len()), causes: shown, remedy: None }
    }

    pub fn io(doing: impl Into<String>, source: std::io::Error) -> Fault {
        // A name that is not there stays away, however often it is tried.
        let exit = if source.kind() == std::io::ErrorKind::NotFound { Exit::Config } else { Exit::Failed };
        Fault { causes: vec![source.to_string()], ..Fault::new(exit, doing) }
    }

    fn of(exit: Exit, error: &(dyn Error + 'static), remedy: Option<String>) -> Fault {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        Fault { exit, message: error.to_string(), causes, remedy }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.message)?;
        for cause in &self.causes {
            write!(f, "\n  {cause}")?;
        }
        match &self.remedy {
            Some(remedy) => write!(f, "\nremedy: {remedy}"),
            None => Ok(()),
        }
    }
}

impl From<state::StateError> for Fault {
    fn from(error: state::StateError) -> Fault {
        let exit = match error {
            state::StateError::WrongMasterKey => Exit::Config,
            state::StateError::NotMerged(_)
            | state::StateError::OneCustomer(_)
            | state::StateError::AccountExists(_)
            | state::StateError::UnknownAccount(_)
            | state::StateError::AccountName
            | state::StateError::NoSql(_) => Exit::Data,
            _ => Exit::Failed,
        };
        Fault::of(exit, &error, error.remedy())
    }
}

impl From<lake::LakeError> for Fault {
    fn from(error: lake::LakeError) -> Fault {
        let exit = match error {
            lake::LakeError::Damaged(_) => Exit::Data,
            lake::LakeError::Unconditional { .. } | lake::LakeError::Column { .. } | lake::LakeError::Feature { .. } => {
                Exit::Config
            }
            _ => Exit::Failed,
        };
        Fault::of(exit, &error, error.remedy())
    }
}

impl From<query::QueryError> for Fault {
    fn from(error: query::QueryError) -> Fault {
        let exit = match error {
            query::QueryError::Run { .. } | query::QueryError::Timeout { .. } => Exit::Failed,
            _ => Exit::Config,
        };
        let mut fault = Fault::of(exit, &error, error.remedy());
        fault.causes.extend(error.mistake().into_iter().flat_map(|mistake| mistake.excerpt.lines().map(String::from)));
        fault
    }
}

impl From<query::KeptError> for Fault {
    fn from(error: query::KeptError) -> Fault {
        match error {
            query::KeptError::Query(error) => error.into(),
            query::KeptError::Lake(error) => error.into(),
        }
    }
}

impl From<connect::formats::FormatError> for Fault {
    fn from(error: connect::formats::FormatError) -> Fault {
        Fault::of(Exit::Config, &error, error.remedy())
    }
}

impl From<connect::template::RenderError> for Fault {
    fn from(error: connect::template::RenderError) -> Fault {
        Fault::of(Exit::Config, &error, error.remedy())
    }
}

impl From<connect::destinations::DestinationError> for Fault {
    fn from(error: connect::destinations::DestinationError) -> Fault {
        Fault::of(Exit::Failed, &error, error.remedy())
    }
}

impl From<lake::ForeignError> for Fault {
    fn from(error: lake::ForeignError) -> Fault {
        Fault::of(Exit::Config, &error, None)
    }
}

impl From<crate::demo::DemoError> for Fault {
    fn from(error: crate::demo::DemoError) -> Fault {
        Fault::of(Exit::Failed, &error, None)
    }
}

impl From<model::money::MoneyError> for Fault {
    fn from(error: model::money::MoneyError) -> Fault {
        Fault::of(Exit::Data, &error, None)
    }
}

impl From<model::id::IdError> for Fault {
    fn from(error: model::id::IdError) -> Fault {
        Fault::of(Exit::Data, &error, None)
    }
}

impl From<arrow::error::ArrowError> for Fault {
    fn from(error: arrow::error::ArrowError) -> Fault {
        Fault::of(Exit::Failed, &error, None)
    }
}
