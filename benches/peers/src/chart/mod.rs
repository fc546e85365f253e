//! Two pictures for the README, as SVG. They carry their own background, for readers with dark pages.

mod ratios;
mod scaling;

pub use ratios::ratios;
pub use scaling::scaling;

use std::fmt::Write;

const INK: &str = "#24292f";
const FAINT: &str = "#6e7781";
const GRID: &str = "#d8dee4";

/// A picture that grows by one element after the other.
struct Svg(String);

impl Svg {
    fn new(width: f64, height: f64, title: &str) -> Self {
        let mut svg = Self(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
             height=\"{height}\" role=\"img\" font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\" \
             font-size=\"13\">\n<title>{}</title>\n",
            escaped(title)
        ));
        svg.element(format_args!("<rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\"/>"));
        svg.text(20.0, 28.0, "start", INK, " font-size=\"16\" font-weight=\"600\"", title);
        svg
    }

    fn element(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = writeln!(self.0, "{element}");
    }

    fn text(&mut self, x: f64, y: f64, anchor: &str, fill: &str, more: &str, text: &str) {
        let text = escaped(text);
        self.element(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{fill}\"{more}>{text}</text>"
        ));
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.element(format_args!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" stroke=\"{stroke}\" stroke-width=\"{width}\"/>"
        ));
    }

    fn done(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
