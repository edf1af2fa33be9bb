// Text against what is behind it, by WCAG 2.2, 1.4.3: at least 4.5, or 3 for large text.
() => {
  const channels = (colour) => {
    const found = colour.match(/rgba?\(([^)]*)\)/);
    const [r, g, b, a = 1] = found[1].split(/[\s,/]+/).filter(Boolean).map(Number);
    return [r, g, b, a];
  };
  const over = ([r, g, b, a], [x, y, z]) =>
    [r * a + x * (1 - a), g * a + y * (1 - a), b * a + z * (1 - a), 1];
  const behind = (element) => {
    if (!element) return [255, 255, 255, 1];
    return over(channels(getComputedStyle(element).backgroundColor), behind(element.parentElement));
  };
  const luminance = (colour) => {
    const linear = colour.slice(0, 3).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  };
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const below = [];
  let measured = 0;
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    const style = getComputedStyle(element);
    if (!own || !element.getClientRects().length || element.closest("script, style, title, desc")) {
      continue;
    }
    const background = behind(element);
    const isDrawn = element.namespaceURI.endsWith("svg");
    const colour = over(channels(isDrawn ? style.fill : style.color), background);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = contrast(colour, background);
    measured += 1;
    if (ratio < (isLarge ? 3 : 4.5)) below.push([element.className, element.textContent, ratio]);
  }
  return { measured, below };
}
