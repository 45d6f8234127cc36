//! Reads the file of a Mercure hub: a bucket `updates` in a database of Go's bbolt.
//!
//! Owns: as much of the format as that takes (<https://github.com/etcd-io/bbolt>, `page.go` and
//! `meta.go`). The crates that read it keep the whole file in memory, or look up keys wrongly.
//! Promises: one page at a time in memory; a damaged file ends with an error. Does not: write.

use std::{
    fs::File,
    io::{self, ErrorKind},
    os::unix::fs::FileExt as _,
};

const BUCKET: &[u8] = b"updates";
const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;
const PAGE_HEAD: usize = 16;
const META: usize = 64;
/// A page that points to pages; a page with values.
const BRANCH: u16 = 1;
const LEAF: u16 = 2;

/// The values of the bucket, in the order of their keys: the order of publishing.
pub struct Values {
    file: File,
    page_size: u64,
    /// Pages that are still to be read, the next one last.
    pages: Vec<u64>,
    /// How many may be: more would be a circle.
    left: u64,
    ready: std::vec::IntoIter<Vec<u8>>,
}

/// Opens the bucket, where the file is such a database at all.
pub fn open(file: &File) -> io::Result<Option<Values>> {
    let length = file.metadata()?.len();
    // The size of a page is in the first; the newer of the first two counts.
    let Some((page_size, root, change)) = meta(file, 0)? else { return Ok(None) };
    let root = match meta(file, page_size)? {
        Some((_, other, later)) if later > change => other,
        _ => root,
    };
    let left = length / page_size;
    let ready = Vec::new().into_iter();
    let mut all = Values { file: file.try_clone()?, page_size, pages: Vec::new(), left, ready };
    let Some(bucket) = all.find_bucket(root)? else {
        return Err(damaged("there is no bucket `updates`"));
    };
    match number(&bucket, 0)? {
        // A small bucket is in its parent's page.
        0 => all.ready = read_leaf(bucket.get(PAGE_HEAD..).unwrap_or_default())?.1,
        root => all.pages.push(root),
    }
    Ok(Some(all))
}

/// Page size, root and number of the last change, where there is a whole head of a database.
fn meta(file: &File, at: u64) -> io::Result<Option<(u64, u64, u64)>> {
    let mut bytes = [0; PAGE_HEAD + META];
    match file.read_exact_at(&mut bytes, at) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        read => read?,
    }
    let meta = &bytes[PAGE_HEAD..];
    if small(meta, 0)? != MAGIC || small(meta, 4)? != VERSION {
        return Ok(None);
    }
    let page_size = small(meta, 8)?;
    let sum = meta[..56].iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
        (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    if sum != number(meta, 56)? || page_size < 1024 {
        return Ok(None);
    }
    Ok(Some((page_size.into(), number(meta, 16)?, number(meta, 48)?)))
}

impl Values {
    /// What the root says of the bucket.
    fn find_bucket(&mut self, root: u64) -> io::Result<Option<Vec<u8>>> {
        self.pages.push(root);
        while let Some(page) = self.read_page()? {
            let (keys, values) = match page {
                Page::Branch => continue,
                Page::Leaf(leaf) => leaf,
            };
            if let Some((_, value)) = keys.into_iter().zip(values).find(|(key, _)| key == BUCKET) {
                self.pages.clear();
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    /// Reads the next page. What a branch points to comes after it.
    fn read_page(&mut self) -> io::Result<Option<Page>> {
        let Some(id) = self.pages.pop() else { return Ok(None) };
        self.left = self.left.checked_sub(1).ok_or_else(|| damaged("its pages form a circle"))?;
        let at = id.checked_mul(self.page_size).ok_or_else(|| damaged("a page is nowhere"))?;
        let mut head = [0; PAGE_HEAD];
        self.file.read_exact_at(&mut head, at)?;
        let length = (1 + u64::from(small(&head, 12)?)) * self.page_size;
        if at + length > self.file.metadata()?.len() {
            return Err(damaged("a page is cut off"));
        }
        let mut page = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut page, at)?;
        if short(&page, 8)? & BRANCH == 0 {
            return Ok(Some(Page::Leaf(read_leaf(&page)?)));
        }
        for element in (0..usize::from(short(&page, 10)?)).rev() {
            self.pages.push(number(&page, PAGE_HEAD + 16 * element + 8)?);
        }
        Ok(Some(Page::Branch))
    }
}

enum Page {
    Branch,
    Leaf(Leaf),
}

/// Keys and values.
type Leaf = (Vec<Vec<u8>>, std::vec::IntoIter<Vec<u8>>);

fn read_leaf(page: &[u8]) -> io::Result<Leaf> {
    if short(page, 8)? & LEAF == 0 {
        return Err(damaged("a page is of no known kind"));
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for element in 0..usize::from(short(page, 10)?) {
        let at = PAGE_HEAD + 16 * element;
        let [from, key, value] = [4, 8, 12].map(|field| small(page, at + field));
        let (from, key, value) = (at + from? as usize, key? as usize, value? as usize);
        let bytes =
            page.get(from..from + key + value).ok_or_else(|| damaged("a value is cut off"))?;
        keys.push(bytes[..key].to_vec());
        values.push(bytes[key..].to_vec());
    }
    Ok((keys, values.into_iter()))
}

impl Iterator for Values {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(value) = self.ready.next() {
                return Some(Ok(value));
            }
            match self.read_page() {
                Ok(Some(Page::Branch)) => {}
                Ok(Some(Page::Leaf((_, values)))) => self.ready = values,
                Ok(None) => return None,
                Err(error) => {
                    self.pages.clear();
                    return Some(Err(error));
                }
            }
        }
    }
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> io::Result<[u8; N]> {
    let found = from.get(at..).and_then(<[u8]>::first_chunk);
    found.copied().ok_or_else(|| damaged("a page is too short"))
}

fn short(from: &[u8], at: usize) -> io::Result<u16> {
    bytes(from, at).map(u16::from_le_bytes)
}

fn small(from: &[u8], at: usize) -> io::Result<u32> {
    bytes(from, at).map(u32::from_le_bytes)
}

fn number(from: &[u8], at: usize) -> io::Result<u64> {
    bytes(from, at).map(u64::from_le_bytes)
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("a damaged database of a Mercure hub: {what}"))
}
