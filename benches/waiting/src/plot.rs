//! A plot of polls against delay as an SVG, both axes logarithmic.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 390.0;
const COLOURS: [&str; 6] = ["#222222", "#0072b2", "#009e73", "#d55e00", "#cc79a7", "#e69f00"];

/// A line of the plot.
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Mean delay in seconds, polls a job.
    pub points: Vec<(f64, f64)>,
}

/// Draws the lines.
pub fn svg(title: &str, lines: &[Line]) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{title}</text>\n"
    );
    grid(&mut svg);
    for (index, line) in lines.iter().enumerate() {
        draw(&mut svg, index, line);
    }
    svg.push_str("</svg>\n");
    svg
}

fn grid(svg: &mut String) {
    for delay in [0.25, 0.5, 1.0, 2.0, 5.0, 10.0] {
        let x = across(delay);
        let _ = writeln!(svg, "<path d=\"M{x:.1} 40V{BOTTOM}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"{x:.1}\" y=\"406\" text-anchor=\"middle\">{delay} s</text>");
    }
    for polls in [10.0, 20.0, 50.0, 100.0, 200.0, 500.0] {
        let y = up(polls);
        let _ = writeln!(svg, "<path d=\"M{LEFT} {y:.1}H{WIDTH}\" stroke=\"#ddd\"/>");
        let _ = writeln!(svg, "<text x=\"54\" y=\"{:.1}\" text-anchor=\"end\">{polls}</text>", y + 4.0);
    }
    let _ = writeln!(
        svg,
        "<text x=\"390\" y=\"428\" text-anchor=\"middle\">mean delay until a finished job is noticed</text>"
    );
    let _ = writeln!(
        svg,
        "<text transform=\"translate(16 215) rotate(-90)\" text-anchor=\"middle\">polls a job</text>"
    );
}

fn draw(svg: &mut String, index: usize, line: &Line) {
    let colour = COLOURS[index % COLOURS.len()];
    let points: Vec<_> =
        line.points.iter().map(|(delay, polls)| format!("{:.1},{:.1}", across(*delay), up(*polls))).collect();
    let dashes = if index == 0 { " stroke-dasharray=\"6 4\"" } else { "" };
    let _ = writeln!(
        svg,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>",
        points.join(" ")
    );
    for point in points {
        let (x, y) = point.split_once(',').unwrap_or_default();
        let _ = writeln!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"3\" fill=\"{colour}\"/>");
    }
    let y = 56.0 + 18.0 * index as f64;
    let _ = writeln!(svg, "<path d=\"M400 {y}h24\" stroke=\"{colour}\" stroke-width=\"2\"{dashes}/>");
    let _ = writeln!(svg, "<text x=\"430\" y=\"{:.1}\">{}</text>", y + 4.0, line.name);
}

fn across(delay: f64) -> f64 {
    LEFT + (delay / 0.2).ln() / 75_f64.ln() * (WIDTH - LEFT)
}

fn up(polls: f64) -> f64 {
    BOTTOM - (polls / 8.0).ln() / 100_f64.ln() * (BOTTOM - 40.0)
}
