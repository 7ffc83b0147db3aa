-- What a text says of a day is read in one place, which is not SQL: it needs the property's type in HubSpot.
DROP FUNCTION fx_date(text, text);
