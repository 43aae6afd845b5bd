//! `cargo xtask size`: how large the product is, and whether its parts hang together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Item, UseTree};

/// A path inside a crate. Its first segment is `crate`.
type CratePath = Vec<String>;

/// A source file without its tests. Generated code, examples and benches are not counted.
#[derive(Default)]
struct Source {
    path: PathBuf,
    module: CratePath,
    lines: usize,
    /// Lines of each function.
    functions: Vec<usize>,
    /// The types that the file defines.
    types: BTreeSet<String>,
    /// The types whose inherent methods the file holds.
    impls: BTreeSet<String>,
    imports: Vec<CratePath>,
    /// The names that the file exports for others, with their own paths.
    exports: BTreeMap<String, CratePath>,
}

pub(crate) fn run(root: &Path) -> Result<(), String> {
    let mut crates = vec![("xtask".to_owned(), sources(root, &root.join("xtask/src"))?)];
    for folder in entries(&root.join("crates"))? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        crates.push((name, sources(root, &folder.join("src"))?));
    }
    let sources = || crates.iter().flat_map(|(_, sources)| sources);
    let files: Vec<usize> = sources().map(|source| source.lines).collect();
    let functions: Vec<usize> = sources().flat_map(|source| source.functions.clone()).collect();
    println!("product lines   {}", files.iter().sum::<usize>());
    println!("files           {}", spread(files));
    println!("functions       {}", spread(functions));
    for (name, sources) in &crates {
        let lines: usize = sources.iter().map(|source| source.lines).sum();
        println!("  {name}: {lines} lines in {} files", sources.len());
    }
    print_all("split types (inherent methods in more than one file)", &crates, split_types);
    print_all("circles (files of a crate that use each other)", &crates, circles);
    Ok(())
}

/// Prints the findings about each crate below their number.
fn print_all(title: &str, crates: &[(String, Vec<Source>)], find: fn(&[Source]) -> Vec<String>) {
    let found: Vec<String> = crates.iter().flat_map(|(_, sources)| find(sources)).collect();
    println!("{title}: {}", found.len());
    found.iter().for_each(|line| println!("  {line}"));
}

fn spread(mut values: Vec<usize>) -> String {
    values.sort_unstable();
    // The value that so many of a hundred do not exceed.
    let rank =
        |percent| values.get(values.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    format!("{}: median {}, p90 {}, most {} lines", values.len(), rank(50), rank(90), rank(100))
}

/// Returns the types with their definition and other inherent methods in different files.
fn split_types(sources: &[Source]) -> Vec<String> {
    let mut files = BTreeMap::<&String, Vec<&Source>>::new();
    for source in sources {
        source.impls.iter().for_each(|name| files.entry(name).or_default().push(source));
    }
    // Two types may share a name, as those of the blocking faces do.
    files.retain(|name, files| files.len() > 1 && files.iter().any(|file| !file.types.contains(*name)));
    files.into_iter().map(|(name, files)| format!("{name} in {}", join(files))).collect()
}

fn join<'s>(sources: impl IntoIterator<Item = &'s Source>) -> String {
    sources.into_iter().map(|source| source.path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// Returns the groups of files that use each other, by their imports. A module and the files below it count as one.
fn circles(sources: &[Source]) -> Vec<String> {
    let is_apart = |one: &Source, other: &Source| {
        !one.module.starts_with(&other.module) && !other.module.starts_with(&one.module)
    };
    let uses = |source: &Source| -> Vec<usize> {
        let used = source.imports.iter().filter_map(|path| resolve(sources, path));
        used.filter(|&used| is_apart(source, &sources[used])).collect()
    };
    let uses: Vec<Vec<usize>> = sources.iter().map(uses).collect();
    let reached: Vec<BTreeSet<usize>> = uses.iter().map(|used| closure(used, &uses)).collect();
    let circle = |at: usize| reached[at].iter().copied().filter(|to| reached[*to].contains(&at)).collect();
    let circles: BTreeSet<Vec<usize>> = (0..sources.len()).map(circle).collect();
    let circles = circles.into_iter().filter(|circle| !circle.is_empty());
    circles.map(|circle| join(circle.into_iter().map(|at| &sources[at]))).collect()
}

/// Returns the files that some files reach by any number of uses.
fn closure(files: &[usize], uses: &[Vec<usize>]) -> BTreeSet<usize> {
    let (mut found, mut open) = (BTreeSet::new(), files.to_vec());
    while let Some(next) = open.pop() {
        if found.insert(next) {
            open.extend(&uses[next]);
        }
    }
    found
}

/// Returns the file that a path leads to, through re-exports.
fn resolve(sources: &[Source], path: &[String]) -> Option<usize> {
    let file = |length| sources.iter().position(|source| source.module == path[..length]);
    let (length, at) = (1..=path.len()).rev().find_map(|length| Some((length, file(length)?)))?;
    match path.get(length).and_then(|name| sources[at].exports.get(name)) {
        Some(target) => resolve(sources, target),
        None => Some(at),
    }
}

impl Source {
    fn read(root: &Path, folder: &Path, path: &Path) -> Result<Option<Self>, String> {
        let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
        if text.starts_with("// @generated") {
            return Ok(None);
        }
        let file = syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let (module, lines) = (module(folder, path), text.lines().count());
        let path = path.strip_prefix(root).unwrap_or(path).to_owned();
        let mut source = Self { path, module, lines, ..Self::default() };
        source.visit_file(&file);
        Ok(Some(source))
    }

    fn import(&mut self, tree: &UseTree, before: &[String], is_public: bool) {
        let name = match tree {
            UseTree::Path(path) => {
                return self.import(&path.tree, &self.step(before, &path.ident.to_string()), is_public);
            }
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, before, is_public));
            }
            UseTree::Name(name) => name.ident.to_string(),
            UseTree::Rename(name) => name.ident.to_string(),
            UseTree::Glob(_) => "self".to_owned(),
        };
        let path = if name == "self" { before.to_vec() } else { self.step(before, &name) };
        match path.first().is_some_and(|first| first == "crate") {
            true if is_public => _ = self.exports.insert(name, path),
            true => self.imports.push(path),
            false => {}
        }
    }

    /// One segment further: `self` and `super` are of this file's module.
    fn step(&self, before: &[String], segment: &str) -> CratePath {
        let mut path = before.to_vec();
        match segment {
            "self" => path.clone_from(&self.module),
            "super" => {
                if path.is_empty() {
                    path.clone_from(&self.module);
                }
                path.pop();
            }
            segment => path.push(segment.to_owned()),
        }
        path
    }
}

impl<'ast> Visit<'ast> for Source {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Mod(module) if module.attrs.iter().any(is_for_tests) => {
                self.lines -= lines(module);
                return;
            }
            Item::Use(item) => self.import(&item.tree, &[], !matches!(item.vis, syn::Visibility::Inherited)),
            Item::Fn(function) => self.functions.push(lines(&function.block)),
            Item::Struct(item) => _ = self.types.insert(item.ident.to_string()),
            Item::Enum(item) => _ = self.types.insert(item.ident.to_string()),
            Item::Impl(item) => {
                if let (None, syn::Type::Path(path)) = (&item.trait_, &*item.self_ty) {
                    self.impls.extend(path.path.segments.last().map(|segment| segment.ident.to_string()));
                }
            }
            _ => {}
        }
        visit::visit_item(self, item);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        self.functions.push(lines(&function.block));
        visit::visit_impl_item_fn(self, function);
    }
}

fn lines(code: &impl Spanned) -> usize {
    let span = code.span();
    span.end().line - span.start().line + 1
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let tokens = attribute.meta.require_list().map(|list| list.tokens.to_string());
    attribute.path().is_ident("cfg") && tokens.is_ok_and(|tokens| tokens == "test")
}

/// The module of a file, by its place.
fn module(folder: &Path, path: &Path) -> CratePath {
    let place = path.strip_prefix(folder).unwrap_or(path).with_extension("");
    let names = place.components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    let mut module: CratePath = ["crate".to_owned()].into_iter().chain(names).collect();
    module.pop_if(|last| ["lib", "main", "mod"].contains(&last.as_str()));
    module
}

/// Reads the sources below a folder.
fn sources(root: &Path, folder: &Path) -> Result<Vec<Source>, String> {
    let (mut sources, mut open) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(path) = open.pop() {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ["generated", "tests", "tests.rs"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            open.extend(entries(&path)?);
        } else if name.ends_with(".rs") {
            sources.extend(Source::read(root, folder, &path)?);
        }
    }
    Ok(sources)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = read.map_err(|error| format!("{}: {error}", folder.display()))?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of these imports, read as the module of a name.
    fn source(name: &str, text: &str) -> Source {
        let module = vec!["crate".to_owned(), name.to_owned()];
        let mut source =
            Source { path: name.into(), module, lines: text.lines().count(), ..Source::default() };
        source.visit_file(&syn::parse_file(text).unwrap());
        source
    }

    #[test]
    fn files_that_use_each_other_are_a_circle() {
        let one = source("one", "use super::two::{Two, self};");
        let two = source("two", "pub use crate::three::Three;");
        let three = source("three", "use crate::one::One as Other;");
        let through = source("four", "use crate::two::Three;");
        assert_eq!(circles(&[one, two, three]), [""; 0], "a re-export is no use");
        let one = source("one", "use super::two::Three;");
        let three = source("three", "use crate::one::*;");
        let two = source("two", "pub use crate::three::Three;");
        assert_eq!(circles(&[one, two, three, through]), ["one, three"]);
    }

    #[test]
    fn tests_are_no_lines_of_the_product() {
        let file = source("one", "fn f() {\n}\n#[cfg(test)]\nmod tests {\n    fn g() {}\n}\n");
        assert_eq!((file.lines, file.functions), (2, vec![2]));
    }
}
