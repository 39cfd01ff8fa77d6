// Starts ReDoc on the document beside this page.

// It shows its maker's logo, which would come from another origin: an image without a source is shown as nothing.
const setAttribute = Element.prototype.setAttribute;
HTMLImageElement.prototype.setAttribute = function (name, value) {
  const foreign = name === "src" && new URL(value, location.href).origin !== location.origin;
  if (!foreign || value.startsWith("data:")) setAttribute.call(this, name, value);
};

Redoc.init("openapi.json", {}, document.getElementById("page"));
