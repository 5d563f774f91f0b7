//! Builds: buildspecs and commands in the sandbox, CodeBuild elsewhere.
