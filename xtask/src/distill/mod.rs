//! `cargo xtask distill`: AWS's service models, cut down to facts, into `models/`.
//!
//! The source is the `botocore` package from PyPI (Apache-2.0), at the version below. Names, types,
//! locations, constraints and error codes are taken; prose is not. The same version gives the same
//! bytes. Without an argument the package is fetched with `pip` into `target/distill`.

mod endpoints;
mod service;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use trackway_wire::model;

/// The version whose facts are in `models/`.
const BOTOCORE: &str = "1.44.5";

/// Distills the models of an unpacked `botocore` package (or of one fetched now).
pub(crate) fn run(package: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let package = match package {
        Some(folder) => folder.to_owned(),
        None => fetch(&root)?,
    };
    let data = package.join("data");
    let partitions: Value = serde_json::from_slice(&fs::read(data.join("partitions.json"))?)?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&data)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    let mut services = Vec::new();
    for name in names {
        if let Some(file) = newest(&data.join(&name))? {
            let mut source: Value = serde_json::from_slice(&gunzip(&fs::read(&file)?)?)?;
            let extras = file.with_file_name("service-2.sdk-extras.json");
            if extras.is_file() {
                let mut extras: Value = serde_json::from_slice(&fs::read(extras)?)?;
                merge(&mut source, extras["merge"].take());
            }
            let rules = file.with_file_name("endpoint-rule-set-1.json.gz");
            let rules: Value = serde_json::from_slice(&gunzip(&fs::read(rules)?)?)?;
            let prefix = source["metadata"]["endpointPrefix"].as_str().unwrap_or_default();
            let endpoints = endpoints::rules(prefix, &rules, &partitions);
            services.push(service::distill(&name, &source, endpoints));
        }
    }
    let packed = model::pack(BOTOCORE, &services)?;
    fs::write(root.join("models/aws.bin"), &packed)?;
    fs::write(root.join("models/README.md"), readme(services.len(), packed.len()))?;
    println!("distilled {} services into {} bytes", services.len(), packed.len());
    Ok(())
}

/// Lays botocore's own corrections over a model, object by object.
fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (_, Value::Null) => {}
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Puts the package into `target/distill`; its folder.
fn fetch(root: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let target = root.join("target/distill");
    let package = format!("botocore=={BOTOCORE}");
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--upgrade", "--target"])
        .arg(&target)
        .arg(&package)
        .status()?;
    if status.success() {
        Ok(target.join("botocore"))
    } else {
        Err(format!("could not fetch {package} with pip").into())
    }
}

/// The model with the newest API version of a service's folder.
fn newest(folder: &Path) -> Result<Option<PathBuf>, Box<dyn Error>> {
    let mut versions: Vec<PathBuf> =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    versions.sort();
    let files = versions.into_iter().rev().map(|version| version.join("service-2.json.gz"));
    Ok(files.into_iter().find(|file| file.is_file()))
}

/// Unpacks a gzip file as Python writes it: a fixed head, an optional name, deflate, a tail.
fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, Box<dyn Error>> {
    const HEAD_BYTES: usize = 10;
    const HAS_NAME: u8 = 8;
    let flags = *bytes.get(3).ok_or("a gzip file is too short")?;
    let body = bytes.get(HEAD_BYTES..).ok_or("a gzip file is too short")?;
    let start = if flags & HAS_NAME == 0 {
        0
    } else {
        body.iter().position(|byte| *byte == 0).ok_or("a gzip file has no end of name")? + 1
    };
    miniz_oxide::inflate::decompress_to_vec(&body[start..])
        .map_err(|error| format!("could not unpack a gzip file: {error}").into())
}

fn readme(services: usize, bytes: usize) -> String {
    format!(
        "# AWS service models\n\n\
         `aws.bin` holds the facts of {services} AWS service models ({bytes} bytes): operations, \
         shapes, members, locations, constraints, error codes and statuses, protocols, \
         endpoints. No prose.\n\n\
         Source: the Python package `botocore` {BOTOCORE} (Apache-2.0, Amazon.com, Inc. or its \
         affiliates).\n\n\
         Made by `cargo xtask distill`; never edited by hand. The layout is described in \
         `crates/wire/src/model/container.rs`; each service is compressed by itself and unpacked \
         when it is first asked for. To move to a newer version, change `BOTOCORE` in \
         `xtask/src/distill/mod.rs` and run the task. If the layout changes, empty `aws.bin` first \
         (the task is built with the crate that embeds it).\n"
    )
}
