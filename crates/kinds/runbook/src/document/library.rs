//! The documents that are there from the start.
//!
//! They answer to the names that users of AWS call and take the same parameters; their text is
//! our own, and none claims to do what a node here can't. Those named `Trackway-` are examples.

use super::parse::DocumentType;
use super::text::Format;

/// One document of the library.
#[derive(Clone, Copy, Debug)]
pub struct LibraryDocument {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub document_type: DocumentType,
    /// Its format.
    pub format: Format,
    /// Its text.
    pub content: &'static str,
}

/// Who owns the documents of the library.
pub const OWNER: &str = "Amazon";

macro_rules! documents {
    ($($kind:ident $format:ident $name:literal $file:literal,)*) => {
        /// All documents, by name.
        pub static DOCUMENTS: &[LibraryDocument] = &[$(LibraryDocument {
            name: $name,
            document_type: DocumentType::$kind,
            format: Format::$format,
            content: include_str!(concat!("../../library/", $file)),
        },)*];
    };
}

documents! {
    Automation Yaml "AWS-CreateImage" "AWS-CreateImage.yaml",
    Automation Yaml "AWS-CreateSnapshot" "AWS-CreateSnapshot.yaml",
    Automation Yaml "AWS-DeleteImage" "AWS-DeleteImage.yaml",
    Command Json "AWS-GatherSoftwareInventory" "AWS-GatherSoftwareInventory.json",
    Automation Yaml "AWS-RestartEC2Instance" "AWS-RestartEC2Instance.yaml",
    Command Json "AWS-RunDocument" "AWS-RunDocument.json",
    Command Json "AWS-RunPowerShellScript" "AWS-RunPowerShellScript.json",
    Command Json "AWS-RunPythonScript" "AWS-RunPythonScript.json",
    Command Json "AWS-RunRemoteScript" "AWS-RunRemoteScript.json",
    Command Json "AWS-RunShellScript" "AWS-RunShellScript.json",
    Automation Yaml "AWS-StartEC2Instance" "AWS-StartEC2Instance.yaml",
    Automation Yaml "AWS-StopEC2Instance" "AWS-StopEC2Instance.yaml",
    Automation Yaml "AWS-TerminateEC2Instance" "AWS-TerminateEC2Instance.yaml",
    Command Yaml "AWS-UpdateSSMAgent" "AWS-UpdateSSMAgent.yaml",
    Automation Yaml "Trackway-ApproveAndRun" "Trackway-ApproveAndRun.yaml",
    Automation Yaml "Trackway-Countdown" "Trackway-Countdown.yaml",
    Command Yaml "Trackway-Greet" "Trackway-Greet.yaml",
}

/// The document of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static LibraryDocument> {
    DOCUMENTS.iter().find(|document| document.name == name)
}
