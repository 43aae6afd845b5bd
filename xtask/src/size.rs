//! `cargo xtask size`: how large the product is, and whether its parts hang together.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

/// Everything that is counted. Tests, generated code, examples and benches are left out.
#[derive(Default)]
struct Size {
    /// Lines of each file.
    files: BTreeMap<PathBuf, usize>,
    /// The crate of each file.
    packages: BTreeMap<PathBuf, String>,
    /// Lines of each function.
    functions: Vec<usize>,
    /// The files of each crate that hold inherent methods of a type, each with its own path if it defines the type.
    impls: BTreeMap<(String, String), BTreeSet<(String, PathBuf)>>,
    /// Files of a crate that use each other, all of them in one row.
    circles: Vec<Vec<PathBuf>>,
}

pub(crate) fn run(root: &Path) -> Result<(), String> {
    let size = Size::measure(root)?;
    let lines =
        |of: &[usize]| format!("median {}, p90 {}, most {}", rank(of, 50), rank(of, 90), rank(of, 100));
    let files: Vec<usize> = size.files.values().copied().collect();
    println!("product lines   {}", files.iter().sum::<usize>());
    println!("files           {}: {} lines", files.len(), lines(&files));
    println!("functions       {}: {} lines", size.functions.len(), lines(&size.functions));
    let is_split =
        |files: &BTreeSet<(String, PathBuf)>| files.len() > 1 && files.iter().any(|(own, _)| own.is_empty());
    let split: Vec<_> = size.impls.iter().filter(|(_, files)| is_split(files)).collect();
    for (package, (lines, files)) in size.crates() {
        println!("  {package}: {lines} lines in {files} files");
    }
    println!("split types     {} (inherent methods in more than one file)", split.len());
    for ((package, name), files) in split {
        println!("  {package}: {name} in {}", join(files.iter().map(|(_, file)| file)));
    }
    println!("circles         {} (files of a crate that use each other)", size.circles.len());
    for circle in &size.circles {
        println!("  {}", join(circle));
    }
    Ok(())
}

fn join<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) -> String {
    paths.into_iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

/// The value that so many of a hundred do not exceed.
fn rank(values: &[usize], percent: usize) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get((sorted.len().saturating_sub(1)) * percent / 100).copied().unwrap_or_default()
}

impl Size {
    fn measure(root: &Path) -> Result<Self, String> {
        let mut size = Self::default();
        let mut sources = vec![("xtask".to_owned(), root.join("xtask/src"))];
        for folder in entries(&root.join("crates"))? {
            let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
            sources.push((name, folder.join("src")));
        }
        for (package, source) in sources {
            size.add(root, &package, &source)?;
        }
        Ok(size)
    }

    /// Lines and files by crate.
    fn crates(&self) -> BTreeMap<&str, (usize, usize)> {
        let mut crates = BTreeMap::<&str, (usize, usize)>::new();
        for (path, package) in &self.packages {
            let (lines, files) = crates.entry(package).or_default();
            *lines += self.files[path];
            *files += 1;
        }
        crates
    }

    fn add(&mut self, root: &Path, package: &str, source: &Path) -> Result<(), String> {
        let mut uses = BTreeMap::new();
        for path in rust_files(source)? {
            let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            if text.starts_with("// @generated") {
                continue;
            }
            let file = syn::parse_file(&text).map_err(|error| format!("{}: {error}", path.display()))?;
            let name = path.strip_prefix(root).unwrap_or(&path).to_owned();
            let mut visitor = Visitor { module: module(source, &path), ..Visitor::default() };
            visitor.visit_file(&file);
            let lines = text.lines().count() - visitor.test_lines;
            self.files.insert(name.clone(), lines);
            self.packages.insert(name.clone(), package.to_owned());
            self.functions.extend(&visitor.functions);
            for of in &visitor.impls {
                // Two types may share a name, as those of the blocking faces do.
                let own = if visitor.types.contains(of) { name.display().to_string() } else { String::new() };
                self.impls.entry((package.to_owned(), of.clone())).or_default().insert((own, name.clone()));
            }
            uses.insert(visitor.module, (name, visitor.uses, visitor.reexports));
        }
        self.circles.extend(circles(&uses));
        Ok(())
    }
}

/// What one file holds.
#[derive(Default)]
struct Visitor {
    module: Vec<String>,
    functions: Vec<usize>,
    impls: BTreeSet<String>,
    /// The names of the types that it defines.
    types: BTreeSet<String>,
    /// Paths inside the crate that the file imports.
    uses: Vec<Vec<String>>,
    /// The names that it exports for others, with their own paths.
    reexports: Vec<(String, Vec<String>)>,
    test_lines: usize,
}

impl Visitor {
    fn function(&mut self, span: proc_macro2::Span) {
        self.functions.push(span.end().line - span.start().line + 1);
    }

    fn import(&mut self, tree: &syn::UseTree, before: &[String], is_public: bool) {
        match tree {
            syn::UseTree::Path(path) => {
                let before = self.step(before, &path.ident.to_string());
                self.import(&path.tree, &before, is_public);
            }
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.import(tree, before, is_public));
            }
            syn::UseTree::Name(name) => self.imported(before, &name.ident.to_string(), is_public),
            syn::UseTree::Rename(name) => self.imported(before, &name.ident.to_string(), is_public),
            syn::UseTree::Glob(_) => self.uses.push(before.to_vec()),
        }
    }

    /// One segment further: `crate`, `self` and `super` are of this file's module.
    fn step(&self, before: &[String], segment: &str) -> Vec<String> {
        let of_module = |length: usize| {
            let mut path = vec!["crate".to_owned()];
            path.extend(self.module.iter().take(length).cloned());
            path
        };
        match segment {
            "crate" => of_module(0),
            "self" => of_module(self.module.len()),
            "super" if before.is_empty() => of_module(self.module.len().saturating_sub(1)),
            "super" => before[..before.len().saturating_sub(1).max(1)].to_vec(),
            segment => [before, &[segment.to_owned()]].concat(),
        }
    }

    fn imported(&mut self, before: &[String], name: &str, is_public: bool) {
        let path = if name == "self" { before.to_vec() } else { self.step(before, name) };
        if path.first().is_none_or(|first| first != "crate") {
            return;
        }
        if is_public {
            self.reexports.push((name.to_owned(), path));
        } else {
            self.uses.push(path);
        }
    }
}

impl<'ast> Visit<'ast> for Visitor {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if item.attrs.iter().any(is_for_tests) {
            let span = item.span();
            self.test_lines += span.end().line - span.start().line + 1;
            return;
        }
        visit::visit_item_mod(self, item);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_public = !matches!(item.vis, syn::Visibility::Inherited);
        self.import(&item.tree, &[], is_public);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.function(item.block.span());
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.function(item.block.span());
        visit::visit_impl_item_fn(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.types.insert(item.ident.to_string());
        visit::visit_item_enum(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        if let (None, syn::Type::Path(path)) = (&item.trait_, &*item.self_ty) {
            self.impls.extend(path.path.segments.last().map(|segment| segment.ident.to_string()));
        }
        visit::visit_item_impl(self, item);
    }
}

fn is_for_tests(attribute: &syn::Attribute) -> bool {
    let tokens = attribute.meta.require_list().map(|list| list.tokens.to_string());
    attribute.path().is_ident("cfg") && tokens.is_ok_and(|tokens| tokens == "test")
}

type Uses = BTreeMap<Vec<String>, (PathBuf, Vec<Vec<String>>, Vec<(String, Vec<String>)>)>;

/// The groups of files that use each other, by their imports. A file and the module above it may.
fn circles(uses: &Uses) -> Vec<Vec<PathBuf>> {
    let modules: Vec<&Vec<String>> = uses.keys().collect();
    let mut reaches: Vec<BTreeSet<usize>> = modules
        .iter()
        .map(|module| uses[*module].1.iter().filter_map(|path| resolve(uses, path, 0)).collect())
        .map(|found: BTreeSet<Vec<String>>| {
            found.iter().filter_map(|path| modules.iter().position(|module| *module == path)).collect()
        })
        .collect();
    for (at, module) in modules.iter().enumerate() {
        // A module and the files below it are one room.
        reaches[at].retain(|to| !module.starts_with(modules[*to]) && !modules[*to].starts_with(module));
    }
    let direct = reaches.clone();
    loop {
        let before: usize = reaches.iter().map(BTreeSet::len).sum();
        for at in 0..reaches.len() {
            let further: Vec<usize> = reaches[at].iter().flat_map(|to| reaches[*to].clone()).collect();
            reaches[at].extend(further);
        }
        if before == reaches.iter().map(BTreeSet::len).sum::<usize>() {
            break;
        }
    }
    let (mut found, mut seen) = (Vec::new(), BTreeSet::<usize>::new());
    for at in 0..modules.len() {
        if seen.contains(&at) || !reaches[at].contains(&at) {
            continue;
        }
        let circle: Vec<usize> =
            (0..modules.len()).filter(|to| reaches[at].contains(to) && reaches[*to].contains(&at)).collect();
        seen.extend(&circle);
        debug_assert!(circle.iter().all(|one| !direct[*one].is_empty()));
        found.push(circle.iter().map(|one| uses[modules[*one]].0.clone()).collect());
    }
    found
}

/// The module that a path leads to, through re-exports.
fn resolve(uses: &Uses, path: &[String], depth: usize) -> Option<Vec<String>> {
    let path = &path[1..];
    let length = (0..=path.len()).rev().find(|length| uses.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let exported = rest.first().and_then(|name| uses[module].2.iter().find(|(export, _)| export == name));
    match exported {
        Some((_, target)) if depth < 5 => resolve(uses, target, depth + 1),
        _ => Some(module.to_vec()),
    }
}

/// The module of a file, by its place.
fn module(source: &Path, path: &Path) -> Vec<String> {
    let place = path.strip_prefix(source).unwrap_or(path).with_extension("");
    let mut module: Vec<String> =
        place.components().map(|part| part.as_os_str().to_string_lossy().into_owned()).collect();
    if module.last().is_some_and(|last| ["lib", "main", "mod"].contains(&last.as_str())) {
        module.pop();
    }
    module
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if ["generated", "tests", "tests.rs"].contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let read = fs::read_dir(folder).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
    let mut paths: Vec<PathBuf> = read.map_err(|error| format!("{}: {error}", folder.display()))?;
    paths.sort();
    Ok(paths)
}
