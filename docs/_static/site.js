// What is wider than its place scrolls by itself: so that it can be done with the keyboard, too.
const scrolling = ".table-wrapper, .math-wrapper, pre";
function reach() {
  for (const one of document.querySelectorAll(scrolling)) {
    if (one.scrollWidth > one.clientWidth) one.tabIndex = 0;
    else one.removeAttribute("tabindex");
  }
}
addEventListener("load", reach);
addEventListener("resize", reach);
// What Sphinx says wrongly of a page to who hears it read: captions are headings of no level, and arguments of a
// signature are a list of definitions without a term.
addEventListener("DOMContentLoaded", () => {
  for (const one of document.querySelectorAll(".caption[role=heading]")) one.ariaLevel = "2";
  for (const one of document.querySelectorAll("dt.sig dl, dt.sig dd")) one.role = "none";
});
