//! Places for labels, so that none lies on another or on a dot, nor, where there is room, on a line
//! that leads to one.

/// A place in a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
}

/// A stretch of a panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rect {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) right: f64,
    pub(super) bottom: f64,
}

impl Rect {
    fn overlaps(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    fn holds(&self, other: &Self) -> bool {
        self.left <= other.left
            && other.right <= self.right
            && self.top <= other.top
            && other.bottom <= self.bottom
    }

    /// Whether a line from `from` to `to` crosses it, looked at in a hundred places.
    fn is_crossed(&self, from: Point, to: Point) -> bool {
        (0..=100).any(|step| {
            let part = f64::from(step) / 100.0;
            let (x, y) = (from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part);
            x > self.left && x < self.right && y > self.top && y < self.bottom
        })
    }
}

/// A label's place, and where the line from its dot ends, if it is far from it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Label {
    pub(super) rect: Rect,
    pub(super) lead: Option<Point>,
}

/// Directions tried at each distance, and how far is far.
const DIRECTION_COUNT: u32 = 24;
const STEP: f64 = 5.0;
const STEP_COUNT: u32 = 120;

/// Finds a place for each dot's label, the nearest first, for the dots in their order.
///
/// Where there is really none (a panel cannot hold it), the label lies at its dot.
pub(super) fn place(
    dots: &[Point],
    widths: &[f64],
    height: f64,
    dot: f64,
    frame: Rect,
) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    for (&at, &width) in dots.iter().zip(widths) {
        let lies_apart = |label: &Label| {
            frame.holds(&label.rect)
                && !dots.iter().any(|other| {
                    let around = Rect {
                        left: other.x - dot,
                        top: other.y - dot,
                        right: other.x + dot,
                        bottom: other.y + dot,
                    };
                    label.rect.overlaps(&around)
                })
                && !labels.iter().any(|other| label.rect.overlaps(&other.rect))
        };
        let is_clear = |label: &Label| {
            !labels.iter().zip(dots).any(|(other, &other_at)| {
                other.lead.is_some_and(|end| label.rect.is_crossed(other_at, end))
                    || label.lead.is_some_and(|end| other.rect.is_crossed(at, end))
            })
        };
        let places = (0..STEP_COUNT).flat_map(|step| {
            let distance = dot + 3.0 + f64::from(step) * STEP;
            (0..DIRECTION_COUNT).map(move |turn| {
                // Right of the dot first, then left, then what is between.
                let turn = if turn % 2 == 0 { turn / 2 } else { DIRECTION_COUNT - turn / 2 - 1 };
                let angle = f64::from(turn) / f64::from(DIRECTION_COUNT) * std::f64::consts::TAU;
                beside(at, distance, angle, width, height)
            })
        });
        // A line across a label is better than a label on another.
        let label = places
            .clone()
            .find(|label| lies_apart(label) && is_clear(label))
            .or_else(|| places.clone().find(lies_apart))
            .unwrap_or_else(|| beside(at, dot + 3.0, 0.0, width, height));
        labels.push(label);
    }
    labels
}

/// The label that begins, ends, or has its middle so far from `at` in that direction.
fn beside(at: Point, distance: f64, angle: f64, width: f64, height: f64) -> Label {
    let (sin, cos) = angle.sin_cos();
    let end = Point { x: at.x + distance * cos, y: at.y + distance * sin };
    let left = if cos > 0.3 {
        end.x
    } else if cos < -0.3 {
        end.x - width
    } else {
        end.x - width / 2.0
    };
    let top = end.y - height / 2.0 + sin * height / 2.0;
    let rect = Rect { left, top, right: left + width, bottom: top + height };
    Label { rect, lead: (distance > 14.0).then_some(end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_crowded_dots_lie_apart() {
        let frame = Rect { left: 0.0, top: 0.0, right: 750.0, bottom: 270.0 };
        // Twenty dots within the width of one label, some of them twice.
        let dots: Vec<Point> = (0..20)
            .map(|dot| Point {
                x: 400.0 + f64::from(dot % 5) * 9.0,
                y: 60.0 + f64::from(dot % 7) * 8.0,
            })
            .collect();
        let widths: Vec<f64> = (0..20).map(|dot| 60.0 + f64::from(dot % 4) * 20.0).collect();
        let labels = place(&dots, &widths, 12.0, 4.5, frame);
        assert_eq!(labels.len(), dots.len());
        for (index, label) in labels.iter().enumerate() {
            assert!(frame.holds(&label.rect), "{label:?}");
            for other in &labels[..index] {
                assert!(!label.rect.overlaps(&other.rect), "{label:?} on {other:?}");
            }
            for dot in &dots {
                let middle = Rect { left: dot.x, top: dot.y, right: dot.x, bottom: dot.y };
                assert!(!label.rect.overlaps(&middle), "{label:?} on the dot {dot:?}");
            }
        }
    }
}
