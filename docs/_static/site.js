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
