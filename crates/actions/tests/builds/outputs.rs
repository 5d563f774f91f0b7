//! What a build leaves: artifacts and reports.

use super::house::House;

const MAKE: &str = "mkdir -p dist/sub other && echo one > dist/a.js && echo two > dist/sub/b.js && echo map > dist/a.js.map && echo o > other/c && printf '#!/bin/sh\\n' > dist/run && chmod +x dist/run && ln -s a.js dist/link";

/// `artifacts` of a buildspec, and the names that the artifact has, or why there is none.
const CASES: &[(&str, Result<&[&str], &str>)] = &[
    ("files: [dist/a.js]", Ok(&["dist/a.js"])),
    ("files: ['dist/*']", Ok(&["dist/a.js", "dist/a.js.map", "dist/link", "dist/run"])),
    ("files: ['**/*']\n  base-directory: dist/sub", Ok(&["b.js"])),
    ("files: ['**/*.js']\n  base-directory: 'd*'", Ok(&["a.js", "sub/b.js"])),
    ("files: ['**/*.js']\n  discard-paths: yes", Ok(&["a.js", "b.js"])),
    (
        "files: ['**/*']\n  exclude-paths: ['**/*.map', 'sub/*', 'link', run]\n  base-directory: ./dist",
        Ok(&["a.js"]),
    ),
    ("files: ['$OUT/c']", Ok(&["other/c"])),
    ("files: ['$CODEBUILD_SRC_DIR/other/*']", Ok(&["other/c"])),
    ("files: ['*.jar']", Err("no matching artifact paths found")),
    (
        "files: ['**/*']\n  base-directory: absent",
        Err("no matching base directory path found for absent"),
    ),
    ("files: []", Err("no matching artifact paths found")),
];

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_is_the_files_that_the_buildspec_names() {
    for (artifacts, expected) in CASES {
        let spec = format!(
            "version: 0.2\nphases:\n  build:\n    commands: [\"{MAKE}\", export OUT=other]\nartifacts:\n  {artifacts}\n",
            MAKE = MAKE.replace('\\', "\\\\")
        );
        let house = House::new().input("src", &[("buildspec.yml", &spec)]).await.output("out");
        let Some(ended) = house.end().await else { return };
        match expected {
            Ok(names) => {
                assert_eq!(ended.done().output_artifacts, ["out"], "{artifacts}");
                let kept = house.kept("out").await;
                assert_eq!(kept.keys().collect::<Vec<_>>(), *names, "{artifacts}");
            }
            Err(why) => {
                let expected =
                    format!("Phase: UPLOAD_ARTIFACTS, Code: CLIENT_ERROR, Message: {why}");
                assert!(ended.failed().1.ends_with(&expected), "{artifacts}: {:?}", ended.failed());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_output_artifacts_are_the_secondary_ones_of_their_name() {
    let spec = "version: 0.2\nphases: {build: {commands: [echo a > a, echo b > b, echo c > c]}}\nartifacts:\n  files: [a]\n  \
                secondary-artifacts:\n    two: {files: [b]}\n    three: {files: [c], name: x}\n";
    let house = House::new().input("src", &[("buildspec.yml", spec)]).await;
    let house = house.output("one").output("three").output("two");
    let Some(ended) = house.end().await else { return };
    assert_eq!(ended.done().output_artifacts, ["one", "three", "two"]);
    for (name, file) in [("one", "a"), ("two", "b"), ("three", "c")] {
        assert_eq!(house.kept(name).await.into_keys().collect::<Vec<_>>(), [file], "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_can_hand_out_nothing_of_the_server() {
    // The folder that artifacts come from becomes a link to somewhere else.
    let spec = "version: 0.2\nphases:\n  build:\n    commands:\n      - cd $CODEBUILD_SRC_DIR/..\n      - rm -rf src\n      \
                - ln -s /etc src\nartifacts: {files: ['**/*']}\nreports: {r: {files: ['**/*']}}\n";
    let house = House::new().input("src", &[("buildspec.yml", spec)]).await.output("out");
    let Some(ended) = house.end().await else { return };
    assert!(ended.failed().1.contains("no such file or directory"), "{}", ended.log);
    assert!(!house.own(&format!("logs/{}/reports/r", super::house::ID)).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_are_kept_whether_or_not_the_build_is_a_success() {
    let spec = "version: 0.2\nphases:\n  build:\n    commands:\n      - mkdir out\n      \
                - echo '<testsuite><testcase name=\"a\"><failure/></testcase><testcase name=\"b\"/></testsuite>' > out/t.xml\n      \
                - 'false'\nreports:\n  unit:\n    files: ['*.xml']\n    base-directory: out\n";
    let house = House::new().input("src", &[("buildspec.yml", spec)]).await;
    let Some(ended) = house.end().await else { return };
    assert!(ended.failed().1.contains("command: false"));
    assert!(
        ended
            .said()
            .contains(&"Report unit: 1 file(s), 2 tests, 1 failed, 0 with errors, 0 skipped"),
        "{}",
        ended.log
    );
    let beside = house.own(&format!("logs/{}", super::house::ID));
    assert!(beside.join("reports/unit/t.xml").exists());
    let summary: serde_json::Value =
        serde_json::from_slice(&std::fs::read(beside.join("summary.json")).unwrap()).unwrap();
    assert_eq!(summary["reports"][0]["tests"], 2);
}
