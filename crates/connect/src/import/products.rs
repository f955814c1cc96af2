//! Products: the catalogue, with price, cost (原価) and stock. A row is a product or one SKU of it; without `product_id` the SKU is its id.
//!
//! A file seldom says when a stock was counted: without `updated_at` it counts from the start of the shop day of the import, so that the
//! same file again changes nothing.

use model::{Product, Stock};

use crate::{
    formats::Row,
    import::{
        Importer,
        cells::{Bad, missing},
    },
    mapping::Type,
};

pub const TARGETS: &[(&str, Type)] = &[
    ("product_id", Type::Id),
    ("sku", Type::Id),
    ("name", Type::Text),
    ("category", Type::Text),
    ("price", Type::Money),
    ("cost", Type::Money),
    ("url", Type::Text),
    ("image_url", Type::Text),
    ("status", Type::OneOf(&["active", "hidden", "deleted"])),
    ("stock", Type::Count),
    ("location", Type::Text),
    ("updated_at", Type::Instant),
];

impl Importer {
    pub(super) fn product(&mut self, row: &Row) -> Result<(), Bad> {
        let sku = self.read(row, "sku", Self::id)?;
        let product_id = self.read(row, "product_id", Self::id)?.or_else(|| sku.clone());
        let Some(product_id) = product_id else {
            let column = self.name_of("product_id").or_else(|| self.name_of("sku"));
            return Err(missing(column, "the id of a product"));
        };
        let updated_at = self.read(row, "updated_at", Self::instant)?;
        let occurred_at = updated_at.unwrap_or(self.now);
        self.not_ahead(occurred_at, "updated_at")?;
        let mut product = Product {
            product_id: product_id.clone(),
            revision_id: String::new(),
            source: self.mapping.name.clone(),
            sku: sku.clone(),
            name: self.read(row, "name", Self::free)?,
            category: self.read(row, "category", Self::free)?,
            price: self.read(row, "price", Self::money)?,
            cost: self.read(row, "cost", Self::money)?,
            url: self.read(row, "url", Self::free)?,
            image_url: self.read(row, "image_url", Self::free)?,
            status: self.read(row, "status", Self::word)?.unwrap_or_else(|| "active".into()),
        };
        let stock = self.read(row, "stock", Self::count)?;
        let location = self.read(row, "location", Self::free)?;
        let known_at = self.known_at(occurred_at);
        // Several SKUs may share a product, and one SKU may lie in several places.
        let id = format!("{product_id}|{}", sku.as_deref().unwrap_or(""));
        if let Some(revision_id) = self.revision(&id, &product, updated_at) {
            product.revision_id = revision_id;
            self.fact(&product, occurred_at, known_at);
        }
        if let Some(quantity) = stock {
            let start_of_day = self.mapping.zone.start_of(self.mapping.zone.day(self.now));
            let changed_at = updated_at.unwrap_or(start_of_day);
            let source = self.mapping.name.clone();
            let stock = Stock { product_id, sku, source, location, quantity, changed_at };
            let known_at = self.known_at(changed_at);
            self.fact(&stock, changed_at, known_at);
        }
        Ok(())
    }
}
