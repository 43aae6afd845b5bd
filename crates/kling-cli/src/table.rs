//! Columns of text, as wide as what stands in them.

use unicode_width::UnicodeWidthStr;

use crate::console::printable;

/// The blanks between two columns.
const GAP: &str = "  ";

/// Lays rows out in columns; the last one is as long as it is. Whatever would end a line or move the cursor is taken out.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell))).collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default());
    let lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

/// Text from anywhere as one line of a terminal.
pub(crate) fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn line(row: &[String], widths: &[usize]) -> String {
    let padded = row.iter().zip(widths).map(|(cell, width)| {
        let blanks = width.saturating_sub(cell.width());
        format!("{cell}{}", " ".repeat(blanks))
    });
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "b"], ["图像", "c"], ["x\n\u{1b}[31my", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a         b\n图像      c\nx \u{fffd}[31my");
    }
}
