// Starts ReDoc on the document beside this page.

// It shows its maker's logo, which another origin would have to give: such an image has no source here.
const isOurs = (url) => url.startsWith("data:") || new URL(url, location.href).origin === location.origin;
const { setAttribute } = Element.prototype;
const { set: setSource, get: getSource } = Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, "src");
HTMLImageElement.prototype.setAttribute = function (name, value) {
  if (name !== "src" || isOurs(String(value))) setAttribute.call(this, name, value);
};
Object.defineProperty(HTMLImageElement.prototype, "src", {
  get: getSource,
  set(value) {
    if (isOurs(String(value))) setSource.call(this, value);
  },
});

Redoc.init("openapi.json", {}, document.getElementById("page"));
