//! The order of phases and commands, and what follows when one fails.

use super::house::House;

/// A buildspec, what its commands print, and the message of its failure, if it fails.
type Case = (&'static str, &'static str, &'static [&'static str], Option<&'static str>);

const CASES: &[Case] = &[
    (
        "phases run in their order, whatever the order they are written in",
        "phases:\n  post_build: {commands: [echo 4]}\n  install: {commands: [echo 1]}\n  \
         build: {commands: [echo 3, echo 3b]}\n  pre_build: {commands: [echo 2]}\n",
        &["1", "2", "3", "3b", "4"],
        None,
    ),
    (
        "what a failing command is followed by in its phase does not run",
        "phases:\n  build:\n    commands: [echo a, sh -c 'exit 7', echo never]\n",
        &["a"],
        Some(
            "Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: sh -c 'exit 7'. Reason: exit status 7",
        ),
    ),
    (
        "what comes after the build comes even if the build fails, and is told so",
        "phases:\n  build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING', 'false']}\n  \
         post_build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}\n",
        &["1", "0"],
        Some(
            "Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: false. Reason: exit status 1",
        ),
    ),
    (
        "a build whose installation fails is over",
        "phases:\n  install: {commands: ['exit 3'], finally: [echo finally]}\n  build: {commands: [echo never]}\n  \
         post_build: {commands: [echo never]}\n",
        &["finally"],
        Some(
            "Phase: INSTALL, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: exit 3. Reason: exit status 3",
        ),
    ),
    (
        "a build whose preparation fails is over",
        "phases:\n  pre_build: {commands: ['no-such-program-here 2>/dev/null']}\n  post_build: {commands: [echo never]}\n",
        &[],
        Some(
            "Phase: PRE_BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: no-such-program-here 2>/dev/null. Reason: exit status 127",
        ),
    ),
    (
        "a failure after the build is one of the build",
        "phases:\n  build: {commands: [echo built]}\n  post_build: {commands: ['false']}\n",
        &["built"],
        Some("Phase: POST_BUILD, Code"),
    ),
    (
        "finally comes after success and after failure; its own failure counts",
        "phases:\n  install: {commands: [echo a], finally: [echo b]}\n  \
         build: {commands: [echo c], finally: ['(exit 5)', echo never]}\n  post_build: {commands: [echo d]}\n",
        &["a", "b", "c", "d"],
        Some("Message: Error while executing command: (exit 5). Reason: exit status 5"),
    ),
    (
        "the first of two failures is told",
        "phases:\n  build: {commands: [sh -c 'exit 2'], finally: [sh -c 'exit 3']}\n  \
         post_build: {commands: [sh -c 'exit 4']}\n",
        &[],
        Some(
            "Phase: BUILD, Code: COMMAND_EXECUTION_ERROR, Message: Error while executing command: sh -c 'exit 2'. Reason: exit status 2",
        ),
    ),
    (
        "ABORT ends a build after which something would come",
        "phases:\n  build: {on-failure: ABORT, commands: ['false'], finally: [echo finally]}\n  \
         post_build: {commands: [echo never]}\n",
        &["finally"],
        Some("Phase: BUILD"),
    ),
    (
        "CONTINUE goes on where a build would be over, but it has failed",
        "phases:\n  install: {on-failure: CONTINUE, commands: ['false']}\n  pre_build: {commands: [echo on]}\n  \
         build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING']}\n",
        &["on", "0"],
        Some("Phase: INSTALL"),
    ),
    (
        "RETRY runs a phase again from its beginning until it succeeds",
        "phases:\n  install: {commands: [cd /tmp, X=kept]}\n  build:\n    on-failure: RETRY\n    commands:\n      \
         - echo $PWD $X $Y\n      - Y=lost\n      - cd /\n      - echo x >> /tmp/tries\n      - test $(wc -l < /tmp/tries) = 3\n  \
         post_build: {commands: ['echo $CODEBUILD_BUILD_SUCCEEDING $PWD']}\n",
        &["/tmp kept", "/tmp kept", "/tmp kept", "1 /"],
        None,
    ),
    (
        "RETRY ends after its count, and goes on as it would have",
        "phases:\n  build: {on-failure: RETRY-2, commands: [echo try, 'false']}\n  post_build: {commands: [echo after]}\n",
        &["try", "try", "try", "after"],
        Some("Phase: BUILD"),
    ),
    (
        "RETRY tries again only after what it names",
        "phases:\n  install:\n    on-failure: RETRY-5-exit status [78]\n    commands:\n      \
         - echo x >> /tmp/tries\n      - echo try\n      - exit $((5 + $(wc -l < /tmp/tries) * 2))\n  build: {commands: [echo never]}\n",
        &["try", "try"],
        Some("Reason: exit status 9"),
    ),
    (
        "commands share a shell, its folder and its variables, across phases",
        "phases:\n  install:\n    commands: [cd /tmp, A=plain, 'export B=\"two  words\"', 'set -e']\n  build:\n    \
         commands: ['echo \"$PWD $A $B\"', 'exit 0', 'echo \"$PWD $A $B\"', '(exit 3); echo never']\n",
        &["/tmp plain two  words", "/tmp plain two  words"],
        Some("Error while executing command: (exit 3); echo never. Reason: exit status 3"),
    ),
    (
        "several lines are one command, told as they are",
        "phases:\n  build:\n    commands:\n      - |\n        for i in 1 2; do\n          echo $i\n        done\n      \
         - >-\n        echo\n        folded\n",
        &["  echo $i", "done", "", "1", "2", "folded"],
        None,
    ),
    (
        "bash is used if it is asked for, and keeps functions and arrays",
        "env: {shell: bash}\nphases:\n  install:\n    commands: ['f() { echo f $1; }', 'a=(x y)']\n  build:\n    \
         commands: ['f 1', 'exit 0', 'f 2', 'echo ${a[1]}', '[[ ab == a* ]]']\n",
        &["f 1", "f 2", "y"],
        None,
    ),
    (
        "what runs in the background lives until the build ends",
        "phases:\n  install:\n    commands: ['(while [ ! -e /tmp/go ]; do sleep 0.01; done; echo background > /tmp/done) &', 'exit 0']\n  build:\n    \
         commands: [touch /tmp/go, 'while [ ! -s /tmp/done ]; do sleep 0.01; done', cat /tmp/done]\n",
        &["background"],
        None,
    ),
    (
        "a command may read nothing",
        "phases: {build: {commands: [cat, echo end]}}\n",
        &["end"],
        None,
    ),
    ("a build may do nothing", "phases: {install: {runtime-versions: {nodejs: 18}}}\n", &[], None),
];

#[tokio::test(flavor = "multi_thread")]
async fn phases_follow_each_other_as_they_do_in_code_build() {
    for (what, spec, printed, failure) in CASES {
        let Some(ended) = House::build(&format!("version: 0.2\n{spec}")).await else { return };
        assert_eq!(ended.printed(), *printed, "{what}\n{}", ended.log);
        match failure {
            None => drop(ended.done()),
            Some(expected) => {
                let (code, message) = ended.failed();
                assert_eq!(code, "JobFailed", "{what}");
                assert!(
                    message.starts_with("Build terminated with state: FAILED. Phase: "),
                    "{what}: {message}"
                );
                assert!(message.contains(expected), "{what}: {message}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_version_0_1_each_command_has_a_shell_of_its_own() {
    let spec = "version: 0.1\nenvironment_variables: {plaintext: {A: given}}\nphases:\n  build:\n    commands:\n      \
                - cd / && export B=lost\n      - echo \"$A $B $(basename $PWD)\"\n      - exit 4\n      - echo never\n";
    let Some(ended) = House::build(spec).await else { return };
    assert_eq!(ended.printed(), ["given  src"]);
    assert!(ended.failed().1.ends_with("command: exit 4. Reason: exit status 4"), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_tells_a_build_as_code_build_does() {
    let spec = "version: 0.2\nphases:\n  install: {commands: [printf no-end]}\n  build: {commands: ['false']}\n";
    let Some(ended) = House::build(spec).await else { return };
    let said = ended.said();
    let from = said.iter().position(|line| line.starts_with("Phases found")).unwrap();
    let expected = [
        "Phases found in YAML: 2",
        " INSTALL: 1 commands",
        " BUILD: 1 commands",
        "Phase complete: DOWNLOAD_SOURCE State: SUCCEEDED",
        "Phase context status code:  Message: ",
        "Entering phase INSTALL",
        "Running command printf no-end",
        "Phase complete: INSTALL State: SUCCEEDED",
        "Phase context status code:  Message: ",
        "Entering phase BUILD",
        "Running command false",
        "Command did not exit successfully false exit status 1",
        "Phase complete: BUILD State: FAILED",
        "Phase context status code: COMMAND_EXECUTION_ERROR Message: Error while executing command: false. Reason: exit status 1",
        "Phase complete: UPLOAD_ARTIFACTS State: SUCCEEDED",
        "Phase context status code:  Message: ",
    ];
    assert_eq!(said[from..], expected, "{}", ended.log);
    assert_eq!(ended.printed(), ["no-end"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_without_a_buildspec_is_no_build() {
    for (file, content, expected) in [
        ("readme", "", "no such file or directory"),
        (
            "buildspec.yml",
            "version: 0.2\nphases: {deploy: {}}",
            "Invalid buildspec phase name: deploy.",
        ),
    ] {
        let house = House::new().input("src", &[(file, content)]).await;
        let Some(ended) = house.end().await else { return };
        let (code, message) = ended.failed();
        let begin = "Build terminated with state: FAILED. Phase: DOWNLOAD_SOURCE, Code: YAML_FILE_ERROR, Message: ";
        assert!(message.starts_with(begin) && message.contains(expected), "{code} {message}");
        assert!(
            ended
                .said()
                .iter()
                .any(|line| line.starts_with("Phase context status code: YAML_FILE_ERROR"))
        );
    }
}
