// Sets the theme that the user chose, before the page is drawn.
try {
  const chosen = localStorage.getItem("nerine-theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // no storage: the theme of the system
}
